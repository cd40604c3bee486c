"""Converting a GGUF file to a transformers folder with float32 weights.

transformers reads GGUF with the package `gguf` and dequantizes the weights. The folder that results is an
ordinary base: nothing in it is quantized."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from app.common.atomic_files import atomic_folder
from app.prm.checkpoint_safety import BadCheckpoint

MAGIC = b"GGUF"


def convert_gguf(file: Path, target: Path, readme: str = "") -> None:
    """Write the model in `file` to the folder `target`, with `readme` as its README.md. Raises BadCheckpoint
    if the file cannot be read. After an OSError nothing is left behind."""
    if find_spec("gguf") is None:
        raise BadCheckpoint("reading GGUF files needs the package gguf; pip install 'stepmark[smollm2]'")
    if not file.is_file():
        raise BadCheckpoint(f"{file} is not a file")
    with file.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise BadCheckpoint(f"{file.name} is not a GGUF file")
    model, tokenizer = _load(file)
    with atomic_folder(target) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        if readme:
            (draft / "README.md").write_text(readme, encoding="utf-8")


def _load(file: Path) -> tuple[Any, Any]:
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            file.parent, gguf_file=file.name, trust_remote_code=False, local_files_only=True
        )
        model: Any = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            trust_remote_code=False,
            local_files_only=True,
            dtype=torch.float32,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BadCheckpoint(f"could not read {file.name}: {error}") from error
    # the weights are not quantized any more, but transformers refuses to save a model that says so
    model.config.__dict__.pop("quantization_config", None)
    model.hf_quantizer = None
    return model, tokenizer
