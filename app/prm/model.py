"""The network: a causal language model's body, and a head that is read at a few of its tokens.

Lightman et al. 2023, section 2.6: the PRM predicts the correctness of each step after its
last token. The head runs only where it is read, in float32."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
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

from app.prm import objectives, prefix_attention
from app.prm.batch_layout import Batch
from app.prm.checkpoint_safety import BadCheckpoint, validate_folder
from app.prm.config import SIZES, TrainConfig
from app.prm.objectives import outputs


class ProcessRewardModel(nn.Module):
    def __init__(self, body: PreTrainedModel, objective: str = "prm3") -> None:
        super().__init__()
        self.body = body
        self.objective = objective
        self.head = nn.Linear(int(body.config.hidden_size), outputs(objective))
        self.backend = "sdpa"
        """How the body attends where rows lie in one line (prm/prefix_attention.py); padded rows: sdpa."""

    def hidden(self, batch: Batch) -> Tensor:
        """The body's last states, [lines * length, width]: `batch.slots` says whose they are."""
        backend = "sdpa" if batch.until is None else self.backend
        if self.body.config._attn_implementation != backend:
            self.body.set_attn_implementation(backend)
        given = prefix_attention.attention_arguments(batch, backend)
        states = self.body(
            input_ids=batch.ids, position_ids=batch.positions, use_cache=False, **given
        ).last_hidden_state
        return states.flatten(0, 1)

    def read(self, states: Tensor, places: Tensor) -> Tensor:
        """The head at `places` of the states, in float32. [places, outputs]"""
        with torch.autocast(states.device.type, enabled=False):
            said: Tensor = self.head(states[places].float())
        return said

    def forward(self, batch: Batch) -> Tensor:
        """The head at the step ends. [step ends, outputs]"""
        return self.read(self.hidden(batch), batch.step_end_slots())

    def loss(self, batch: Batch, labeled: int, tokens: int, language_weight: float) -> Tensor:
        """The objective's part of an optimiser step with `labeled` labels and `tokens` solution
        tokens in all; the parts of its micro-batches add up to the whole."""
        states = self.hidden(batch)
        said = self.read(states, objectives.read_at(batch, self.objective))
        total = objectives.loss(said, batch, self.objective, labeled)
        if self.objective in objectives.SQUARED and language_weight:
            embedding: Any = self.body.get_input_embeddings().weight
            total = total + language_weight * objectives.language_loss(states, batch, embedding, tokens)
        return total


def add_residual_dropout(body: nn.Module, share: float) -> None:
    """Dropout of what attention and feed-forward add to the residual stream (Cobbe et al. 2021,
    appendix B), for bodies that have none of their own. Active in training mode only."""

    def drop(module: nn.Module, _: Any, said: Any) -> Any:
        if isinstance(said, tuple):
            return (nn.functional.dropout(said[0], share, module.training), *said[1:])
        return nn.functional.dropout(said, share, module.training)

    for name, module in body.named_modules():
        if name.rpartition(".")[2] in ("self_attn", "attn", "mlp"):
            module.register_forward_hook(drop)


def add_lora_adapters(model: ProcessRewardModel, config: TrainConfig) -> None:
    """Low-rank adapters on every linear layer of the body; the head learns in full."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=config.lora_rank, lora_alpha=config.lora_alpha, target_modules="all-linear")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it asks transformers by a name that goes away
        body: Any = get_peft_model(model.body, lora)
    model.body = body


def merge_adapters(model: ProcessRewardModel) -> ProcessRewardModel:
    """The model with its adapters, if it has any, put into the weights. Changes `model`."""
    body: Any = model.body
    if hasattr(body, "merge_and_unload"):
        model.body = body.merge_and_unload()
    return model


def build_model(config: TrainConfig, vocabulary: int, pad: int) -> ProcessRewardModel:
    """A new model of the config's size and architecture, seeded by the caller."""
    shape = SIZES[config.size]
    made: Any
    if config.architecture == "gpt2":
        made = GPT2Config(
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
        made = kinds[config.architecture](
            vocab_size=vocabulary,
            hidden_size=shape["width"],
            intermediate_size=shape["width"] * 3,
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            num_key_value_heads=shape["heads"],
            max_position_embeddings=config.max_length,
            pad_token_id=pad,
        )
    return ProcessRewardModel(AutoModel.from_config(made, attn_implementation="sdpa"), config.objective)


def load_body(base: str, revision: str | None) -> PreTrainedModel:
    """A transformers model by folder or id. Only safetensors, no code from the checkpoint;
    an id needs its pinned revision. Raises BadCheckpoint with the reason."""
    body, missing = _loaded(AutoModel, base, revision)
    if body.config.is_encoder_decoder or not hasattr(body.config, "hidden_size"):
        raise BadCheckpoint(f"{base!r} is a {body.config.model_type}, not a causal language model")
    validate_weights(body, missing, base)
    return body


def load_output_weights(base: str, revision: str | None) -> Tensor:
    """What the base reads its next token with. [vocabulary, width]"""
    whole, missing = _loaded(AutoModelForCausalLM, base, revision)
    validate_weights(whole, missing, base)
    found: Any = whole.get_output_embeddings().weight
    weights: Tensor = found.detach()
    return weights


def _loaded(kind: Any, base: str, revision: str | None) -> tuple[PreTrainedModel, Iterable[str]]:
    """With the names of weights that its files lack."""
    folder = Path(base)
    if folder.is_dir():
        validate_folder(folder)
    elif revision is None:
        raise BadCheckpoint(f"{base!r} is no folder; to fetch it by id, give the revision it is pinned to")
    try:
        body, said = kind.from_pretrained(
            base,
            output_loading_info=True,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise BadCheckpoint(f"could not load {base!r}: {error}") from error
    return body, said["missing_keys"]


def validate_weights(body: nn.Module, missing: Iterable[str], base: str) -> None:
    """transformers draws at random what a checkpoint lacks, with no more than a warning."""
    if lacking := sorted(missing):
        raise BadCheckpoint(f"{base!r} lacks {len(lacking)} of its weights, {lacking[0]} first")
    for name, weight in body.named_parameters():
        if not bool(torch.isfinite(weight).all()):
            raise BadCheckpoint(f"{base!r}: {name} holds values that are not finite numbers")
