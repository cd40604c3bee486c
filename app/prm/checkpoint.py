"""A published model as a folder: the body and tokenizer as transformers writes them, the
head, and `stepmark.json`, the model card: kind, labels and code version.

    config.json, model.safetensors   the body; loads with transformers' AutoModel
    tokenizer.json, ...              the tokenizer
    head.safetensors                 weight [3, hidden], bias [3]: negative, neutral, positive; or
                                     [1, hidden], [1] for objectives with one output
    stepmark.json                    kind, train config, snapshot hash, metrics, code version, label source
                                     and aggregation"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from app.common.atomic_files import atomic_folder, write_json
from app.common.config import ConfigError
from app.prm.checkpoint_safety import (
    BadCheckpoint,
    list_files,
    open_model_folder,
    read_json,
    validate_folder,
)
from app.prm.config import TrainConfig
from app.prm.model import ProcessRewardModel, is_finite, load_body

__all__ = [
    "BadCheckpoint",
    "LoadedModel",
    "compute_weights_hash",
    "get_code_version",
    "load",
    "load_tokenizer",
    "save",
]

CARD = "stepmark.json"
PLAIN_TOKENIZERS = ("TokenizersBackend", "PreTrainedTokenizerFast")
FORMAT = 1


@dataclass(frozen=True)
class LoadedModel:
    model: ProcessRewardModel
    tokenizer: PreTrainedTokenizerBase
    card: dict[str, Any]
    config: TrainConfig


def get_code_version() -> str:
    try:
        return metadata.version("stepmark")
    except metadata.PackageNotFoundError:
        return "unknown"


def save(folder: Path, model: ProcessRewardModel, tokenizer: Any, card: dict[str, Any]) -> None:
    """Write the folder atomically. After an OSError (a full disk) nothing is left behind."""
    with atomic_folder(folder) as draft:
        model.body.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        head = {name: tensor.detach().cpu().contiguous() for name, tensor in model.head.state_dict().items()}
        save_file(head, draft / "head.safetensors")
        write_json(
            draft / CARD,
            {"format": FORMAT, "kind": model.objective.kind, "code": get_code_version(), **card},
        )


def load(folder: Path) -> LoadedModel:
    """Load a published model on the CPU in float32, in evaluation mode. The folder is checked before it is
    read. Raises BadCheckpoint with the reason."""
    validate_folder(folder)
    card = _load_card(folder)
    try:
        config = TrainConfig.parse(card["config"])
        head = load_file(list_files(folder)["head.safetensors"])
    except (ConfigError, KeyError) as error:
        raise BadCheckpoint(f"{CARD}: {error}") from error
    except (OSError, SafetensorError) as error:
        raise BadCheckpoint(f"head.safetensors: {error}") from error
    model = ProcessRewardModel(load_body(str(folder), None), config.objective)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.head.state_dict().items()}
    if {name: tuple(tensor.shape) for name, tensor in head.items()} != shapes:
        raise BadCheckpoint(f"head.safetensors does not match the body; expected shapes: {shapes}")
    model.head.load_state_dict(head)
    if not all(is_finite(tensor) for tensor in model.state_dict().values()):
        raise BadCheckpoint("the weights contain values that are not finite")
    tokenizer = load_tokenizer(str(folder), None)
    if len(tokenizer) > model.body.config.vocab_size:
        raise BadCheckpoint("the tokenizer has more tokens than the model")
    model.eval()
    return LoadedModel(model, tokenizer, card, config)


def update_card(folder: Path, **fields: Any) -> None:
    """Add fields that only the publisher knows (the labels and their source) to the model card."""
    write_json(folder / CARD, {**_load_card(folder), **fields})


def _load_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        raise BadCheckpoint(f"{folder.name} has no {CARD}; it is not a Stepmark model")
    card = read_json(path)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise BadCheckpoint(f"{CARD} is not of format {FORMAT}")
    return card


def load_tokenizer(base: str, revision: str | None) -> PreTrainedTokenizerBase:
    """The tokenizer of a base or a published model, with a padding token. Raises BadCheckpoint."""
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


def compute_weights_hash(folder: Path) -> bytes:
    """SHA-256 over the names and bytes of every safetensors file, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.digest()
