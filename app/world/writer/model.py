"""The model and its tokenizer. A word is a token, and input and output share one embedding, so its folder is
an ordinary base for app.prm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import AutoModel, LlamaConfig, PreTrainedTokenizerFast

from app.common.atomic_files import atomic_folder
from app.prm import checkpoint
from app.world.kinds.base import World

RIGHT, WRONG = "<right>", "<wrong>"
LINE = "\n"
SPECIALS = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
LONGEST = 256
"""Tokens. A shifted problem with its solution needs about half of that."""


@dataclass(frozen=True)
class WriterShape:
    width: int = 64
    layers: int = 4
    heads: int = 4


def build_tokenizer(world: World) -> PreTrainedTokenizerFast:
    """Words are split at single spaces. A line break, which ends a step, is a word, too."""
    vocabulary = [*SPECIALS.values(), LINE, RIGHT, WRONG, *world.words]
    token_ids = {word: place for place, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(token_ids, unk_token=SPECIALS["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(" "), behavior="removed")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIALS)


class Writer(nn.Module):
    """A causal body. Its embedding is also its output layer."""

    def __init__(self, body: Any, tokenizer: Any) -> None:
        super().__init__()
        self.body, self.tokenizer = body, tokenizer

    def logits(self, states: Tensor) -> Tensor:
        """states: [..., width]. Returns [..., vocabulary]."""
        return states @ self.body.get_input_embeddings().weight.T

    def save(self, folder: Path) -> None:
        with atomic_folder(folder) as draft:
            self.body.save_pretrained(draft)
            self.tokenizer.save_pretrained(draft)

    @classmethod
    def load(cls, folder: Path) -> Writer:
        body = AutoModel.from_pretrained(
            folder, use_safetensors=True, attn_implementation="sdpa", local_files_only=True
        )
        return cls(body.eval(), checkpoint.load_tokenizer(str(folder), None))


def create_writer(world: World, shape: WriterShape, seed: int) -> Writer:
    torch.manual_seed(seed)
    tokenizer = build_tokenizer(world)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.width * 3,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=LONGEST,
        pad_token_id=0,
        initializer_range=0.05,
        tie_word_embeddings=True,
    )
    return Writer(AutoModel.from_config(config, attn_implementation="sdpa"), tokenizer)
