"""The network: a causal language model's body and a three-class head at step ends.

Lightman et al. 2023, section 2.6: the PRM predicts the correctness of each step after its
last token. The head runs only there, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, GPT2Config, LlamaConfig, MistralConfig, PreTrainedModel, Qwen2Config

from app.prm import attention
from app.prm.config import SIZES, TrainConfig
from app.prm.hostile import BadCheckpoint, check_folder
from app.prm.layout import Batch


class ProcessRewardModel(nn.Module):
    def __init__(self, body: PreTrainedModel) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(int(body.config.hidden_size), 3)
        self.backend = "sdpa"
        """How the body attends where rows lie in one line (prm/attention.py); padded rows: sdpa."""

    def hidden(self, batch: Batch) -> Tensor:
        """The body's last states, [lines * length, width]: `batch.slots` says whose they are."""
        backend = "sdpa" if batch.until is None else self.backend
        if self.body.config._attn_implementation != backend:
            self.body.set_attn_implementation(backend)
        given = attention.arguments(batch, backend)
        states = self.body(
            input_ids=batch.ids, position_ids=batch.positions, use_cache=False, **given
        ).last_hidden_state
        return states.flatten(0, 1)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [step ends, 3] in float32: negative, neutral, positive."""
        states = self.hidden(batch)[batch.step_ends()]
        with torch.autocast(states.device.type, enabled=False):
            logits: Tensor = self.head(states.float())
        return logits


def build(config: TrainConfig, vocabulary: int, pad: int) -> ProcessRewardModel:
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
    return ProcessRewardModel(AutoModel.from_config(made, attn_implementation="sdpa"))


def load_body(base: str, revision: str | None) -> PreTrainedModel:
    """A transformers model by folder or id. Only safetensors, no code from the checkpoint;
    an id needs its pinned revision. Raises BadCheckpoint with the reason."""
    folder = Path(base)
    if folder.is_dir():
        check_folder(folder)
    elif revision is None:
        raise BadCheckpoint(f"{base!r} is no folder; to fetch it by id, give the revision it is pinned to")
    try:
        body: PreTrainedModel = AutoModel.from_pretrained(
            base,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise BadCheckpoint(f"could not load {base!r}: {error}") from error
    if body.config.is_encoder_decoder or not hasattr(body.config, "hidden_size"):
        raise BadCheckpoint(f"{base!r} is a {body.config.model_type}, not a causal language model")
    return body
