"""Reading the facts about a base model from its files, without loading the weights."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers import AutoConfig

from app.prm import checkpoint
from app.prm.base_facts import BaseFacts
from app.prm.checkpoint_safety import (
    BadCheckpoint,
    list_files,
    list_weights,
    open_model_folder,
    validate_folder,
)

LICENSE = re.compile(r"^license:\s*[\"']?([\w.+-]{1,60})", re.MULTILINE)
README_CHARACTERS = 20_000


def inspect_base(folder: Path, license_name: str | None = None) -> BaseFacts:
    """The facts about the causal language model in `folder`. `license_name` overrides the README's. Raises
    BadCheckpoint if the folder cannot be a base."""
    validate_folder(folder)
    config = load_config(folder)
    text_config = config.get_text_config()
    names = config.architectures or []
    if not names or config.is_encoder_decoder:
        raise BadCheckpoint(f"{folder.name} is not a causal language model")
    tokenizer = checkpoint.load_tokenizer(str(folder), None)
    parameters, dtype = count_parameters(folder)
    return BaseFacts(
        architecture=names[0],
        parameters=parameters,
        dtype=dtype,
        context=getattr(text_config, "max_position_embeddings", None),
        vocabulary=int(text_config.vocab_size),
        tokenizer=type(tokenizer).__name__,
        tied=bool(getattr(config, "tie_word_embeddings", False)),
        chat_template=bool(tokenizer.chat_template),
        license=license_name or find_license(folder),
    )


def load_config(folder: Path) -> Any:
    """The configuration as transformers reads it. Raises BadCheckpoint."""
    try:
        with open_model_folder(folder) as view:
            return AutoConfig.from_pretrained(view, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadCheckpoint):
            raise
        raise BadCheckpoint(f"could not read config.json of {folder.name}: {error}") from error


def count_parameters(folder: Path) -> tuple[int, str]:
    """The number of stored parameters and the type of most of them, from the headers of the weight files."""
    counts: Counter[str] = Counter()
    for path in list_weights(list_files(folder)):
        with safe_open(path, framework="np") as weights:
            for name in weights.keys():  # noqa: SIM118  safe_open is no mapping
                part = weights.get_slice(name)
                size = 1
                for length in part.get_shape():
                    size *= length
                counts[part.get_dtype()] += size
    return counts.total(), counts.most_common(1)[0][0]


def find_license(folder: Path) -> str | None:
    """The license in the front matter of README.md, as the Hub writes it."""
    readme = folder / "README.md"
    if not readme.is_file():
        return None
    with readme.open(encoding="utf-8", errors="replace") as file:
        text = file.read(README_CHARACTERS)
    if not text.startswith("---"):
        return None
    match = LICENSE.search(text.split("\n---", 1)[0])
    return match[1] if match else None
