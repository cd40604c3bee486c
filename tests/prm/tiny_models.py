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
