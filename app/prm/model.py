"""The network: the body of a causal language model, and a head that is read at some of the tokens.

The PRM predicts the correctness of each step after its last token (Lightman et al. 2023, section 2.6). The
head is computed only at the tokens where it is read, in float32."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedModel,
    Qwen2Config,
)

from app.prm import prefix_attention
from app.prm.batch_layout import Batch
from app.prm.checkpoint_safety import BadCheckpoint, open_model_folder, validate_folder
from app.prm.config import COMMIT, HUB_ID, SIZES, TrainConfig
from app.prm.loss import language_loss
from app.prm.objectives import get_objective


class ProcessRewardModel(nn.Module):
    def __init__(self, body: PreTrainedModel, objective: str = "prm3", head: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.objective = get_objective(objective)
        # a sequence classifier, which an outcome model is published as, has no bias
        bias = self.objective.kind == "prm"
        self.head: Any = head or nn.Linear(int(body.config.hidden_size), self.objective.outputs, bias=bias)
        self.output_weights: nn.Parameter | None = None
        """The output layer of an untied base, for the language loss. Otherwise the input embedding serves."""
        self.backend = "sdpa"
        """The attention implementation for rows in one line (prefix_attention.py). Padded rows use sdpa."""

    def hidden(self, batch: Batch) -> Tensor:
        """The last hidden states of the body. [lines * length, width]"""
        backend = "sdpa" if batch.until is None else self.backend
        if self.body.config._attn_implementation != backend:
            self.body.set_attn_implementation(backend)
        arguments = prefix_attention.attention_arguments(batch, backend)
        states = self.body(
            input_ids=batch.ids, position_ids=batch.positions, use_cache=False, **arguments
        ).last_hidden_state
        return states.flatten(0, 1)

    def read(self, states: Tensor, slots: Tensor) -> Tensor:
        """The head at `slots` of the states, in float32. [slots, outputs]"""
        with torch.autocast(states.device.type, enabled=False):
            outputs: Tensor = self.head(states[slots].float())
        return outputs

    def forward(self, batch: Batch) -> Tensor:
        """The head at the step ends. [step ends, outputs]"""
        return self.read(self.hidden(batch), batch.step_end_slots())

    def loss(self, batch: Batch, labeled: int, tokens: int, language_weight: float) -> Tensor:
        """The loss of a micro-batch in an optimizer step with `labeled` labeled points and `tokens` solution
        tokens in total. The micro-batches' losses add up to that of the step."""
        states = self.hidden(batch)
        outputs = self.read(states, self.objective.read_slots(batch))
        total = self.objective.loss(outputs, batch, labeled)
        if self.objective.has_language_loss and language_weight:
            weights = self.output_weights
            if weights is None:
                embeddings: Any = self.body.get_input_embeddings()
                weights = embeddings.weight
            total = total + language_weight * language_loss(states, batch, weights, tokens)
        return total


def add_residual_dropout(body: nn.Module, share: float) -> None:
    """Dropout on the outputs of attention and feed-forward layers (Cobbe et al. 2021, appendix B), for bodies
    without dropout of their own. Active in training mode only."""

    def drop(module: nn.Module, _: Any, outputs: Any) -> Any:
        if isinstance(outputs, tuple):
            return (nn.functional.dropout(outputs[0], share, module.training), *outputs[1:])
        return nn.functional.dropout(outputs, share, module.training)

    for name, module in body.named_modules():
        if name.rpartition(".")[2] in ("self_attn", "attn", "mlp"):
            module.register_forward_hook(drop)


def add_lora_adapters(model: ProcessRewardModel, config: TrainConfig) -> None:
    """Low-rank adapters on every linear layer of the body. The head is trained in full."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=config.lora_rank, lora_alpha=config.lora_alpha, target_modules="all-linear")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft uses a deprecated name of transformers
        body: Any = get_peft_model(model.body, lora)
    model.body = body


def merge_adapters(model: ProcessRewardModel) -> ProcessRewardModel:
    """The model with its adapters, if any, merged into the weights. Changes `model`."""
    body: Any = model.body
    if hasattr(body, "merge_and_unload"):
        model.body = body.merge_and_unload()
    return model


def build_model(config: TrainConfig, vocabulary: int, pad: int) -> ProcessRewardModel:
    """A new model of the config's size and architecture, seeded by the caller."""
    shape = SIZES[config.size]
    body_config: Any
    if config.architecture == "gpt2":
        body_config = GPT2Config(
            vocab_size=vocabulary,
            n_embd=shape["width"],
            n_layer=shape["layers"],
            n_head=shape["heads"],
            n_positions=config.max_length,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            pad_token_id=pad,
            bos_token_id=None,
            eos_token_id=None,
        )
    else:
        kinds = {"llama": LlamaConfig, "qwen2": Qwen2Config, "mistral": MistralConfig}
        body_config = kinds[config.architecture](
            vocab_size=vocabulary,
            hidden_size=shape["width"],
            intermediate_size=shape["width"] * 3,
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            num_key_value_heads=shape["heads"],
            max_position_embeddings=config.max_length,
            pad_token_id=pad,
        )
    return ProcessRewardModel(
        AutoModel.from_config(body_config, attn_implementation="sdpa"), config.objective
    )


def load_body(base: str, revision: str | None, dtype: Any = torch.float32) -> PreTrainedModel:
    """A transformers model by folder or ID. Only safetensors, no code from the checkpoint; an ID needs a
    pinned revision. Raises BadCheckpoint with the reason."""
    body, missing = _load_pretrained(AutoModel, base, revision, dtype)
    if body.config.is_encoder_decoder or not hasattr(body.config, "hidden_size"):
        raise BadCheckpoint(f"{base!r} is a {body.config.model_type}, not a causal language model")
    validate_weights(body, missing, base)
    return body


def is_untied(body: PreTrainedModel) -> bool:
    """Whether the base predicts tokens with other weights than its input embedding."""
    return not getattr(body.config, "tie_word_embeddings", True)


def load_output_weights(base: str, revision: str | None) -> Tensor:
    """The output embeddings of the base. [vocabulary, width]"""
    model, missing = _load_pretrained(AutoModelForCausalLM, base, revision)
    validate_weights(model, missing, base)
    embedding: Any = model.get_output_embeddings()
    weights: Tensor = embedding.weight.detach()
    return weights


def _load_pretrained(
    kind: Any, base: str, revision: str | None, dtype: Any = torch.float32
) -> tuple[PreTrainedModel, Iterable[str]]:
    """The model, and the names of weights that its files lack."""
    with open_base(base, revision) as source:
        try:
            body, info = kind.from_pretrained(
                source,
                output_loading_info=True,
                revision=revision,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                attn_implementation="sdpa",
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise BadCheckpoint(f"could not load {base!r}: {error}") from error
    return body, info["missing_keys"]


@contextmanager
def open_base(base: str, revision: str | None) -> Iterator[str]:
    """What libraries may load for `base`: a view of its folder, or its ID if a revision is given. An ID is
    never the name of a folder. Raises BadCheckpoint."""
    if revision is not None:
        validate_hub_id(base, revision)
        yield base
        return
    if not Path(base).is_dir():
        raise BadCheckpoint(f"{base!r} is not a folder; to load it by ID, give its pinned revision")
    validate_folder(Path(base))
    with open_model_folder(Path(base)) as view:
        yield str(view)


def validate_hub_id(base: str, revision: str) -> None:
    """Raises BadCheckpoint unless `base` is an ID of the Hub (ORG/NAME) and `revision` a commit hash."""
    if not HUB_ID.fullmatch(base) or Path(base).exists():
        raise BadCheckpoint(
            f"{base!r} is not the ID of a model; a revision belongs to an ID, not to a folder"
        )
    if not COMMIT.fullmatch(revision):
        raise BadCheckpoint("the revision must be the full hash of a commit, 40 hexadecimal digits")


def validate_weights(body: nn.Module, missing: Iterable[str], base: str) -> None:
    """Raises BadCheckpoint for missing or non-finite weights: transformers initializes missing ones at
    random with only a warning."""
    if lacking := sorted(missing):
        raise BadCheckpoint(f"{base!r} lacks {len(lacking)} of its weights, {lacking[0]} first")
    for name, weight in body.named_parameters():
        if not is_finite(weight):
            raise BadCheckpoint(f"{base!r}: {name} contains values that are not finite")


def is_finite(weight: Tensor) -> bool:
    """Whether no value is infinite or not a number. Reads the weight once and allocates nothing."""
    if not weight.numel():
        return True
    return all(math.isfinite(float(extreme)) for extreme in torch.aminmax(weight.detach()))
