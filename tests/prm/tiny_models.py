"""Tiny models in the folder layouts of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from app.prm.encoding import train_tokenizer

TEXTS = ["What is 2 + 3?", "2 + 3 = 5", "so 5"]


def causal_folder(path: Path, **options: Any) -> Path:
    """A causal language model of one layer with random weights, and a tokenizer of 300 tokens."""
    torch.manual_seed(0)
    shape = {"vocab_size": 400, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    config = LlamaConfig(**shape, num_attention_heads=2, max_position_embeddings=128, **options)
    LlamaForCausalLM(config).save_pretrained(path)
    train_tokenizer(TEXTS, 300).save_pretrained(path)
    return path


WORDS = ["red", "blue", "green", "grey"]
PAIRS = [(f"Say {first} then {second}:\n", f"{first}\n{second}") for first in WORDS for second in WORDS]
"""Prompt and completion of a language that only copies."""


def save_language_model(folder: Path, pairs: list[tuple[str, str]]) -> Path:
    """An untrained causal language model with a tokenizer of `pairs`, in `folder`."""
    tokenizer = train_tokenizer([text for pair in pairs for text in pair], 300)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
