"""Loading the tokenizer of a base or a published model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from app.prm.checkpoint_safety import BadCheckpoint, open_model_folder, read_json
from app.prm.model import validate_hub_id

PLAIN_TOKENIZERS = ("TokenizersBackend", "PreTrainedTokenizerFast")


def load_tokenizer(base: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a base or a published model, with a padding token. Raises BadCheckpoint."""
    if revision is not None:
        validate_hub_id(base, revision)
    if revision is None and Path(base).is_dir():
        with open_model_folder(Path(base)) as view:
            tokenizer = _read_tokenizer(str(view), None, base)
    else:
        tokenizer = _read_tokenizer(base, revision, base)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise BadCheckpoint(f"the tokenizer of {base!r} has neither a padding nor an end token")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _read_tokenizer(source: str, revision: str | None, base: str) -> PreTrainedTokenizerBase:
    try:
        # AutoTokenizer prefers the class that it knows for the body: with a Qwen2 body it loaded a
        # tokenizer of another class as Qwen2's, with one more token
        reader: Any = PreTrainedTokenizerFast if _has_plain_tokenizer(Path(source)) else AutoTokenizer
        tokenizer: PreTrainedTokenizerBase = reader.from_pretrained(
            source, revision=revision, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadCheckpoint(f"could not load the tokenizer of {base!r}: {error}") from error
    return tokenizer


def _has_plain_tokenizer(folder: Path) -> bool:
    """Whether tokenizer.json holds the whole tokenizer, by its own config."""
    path = folder / "tokenizer_config.json"
    if not path.is_file() or not (folder / "tokenizer.json").is_file():
        return False
    config = read_json(path)
    return isinstance(config, dict) and config.get("tokenizer_class") in PLAIN_TOKENIZERS
