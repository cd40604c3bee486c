"""A published model as a folder that transformers loads, with Stepmark's description of it.

    config.json, model.safetensors   a ...ForTokenClassification (PRM) or ...ForSequenceClassification
                                     (outcome model), see classifier.py
    tokenizer.json, ...              the tokenizer
    README.md                        the model card, with Python that reads the model
    stepmark.json                    kind, train config, text format, snapshot hash, metrics, code version,
                                     label source and aggregation

Folders of format 1, and models with a head that transformers has no class for, hold the body alone and the
head in head.safetensors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from app.common.atomic_files import atomic_folder, write_json
from app.common.config import ConfigError
from app.prm.checkpoint_safety import (
    BadCheckpoint,
    list_files,
    read_json,
    validate_folder,
)
from app.prm.classifier import build_classifier, build_linear, can_build_classifier, read_classifier
from app.prm.config import TrainConfig
from app.prm.model import ProcessRewardModel, is_finite, load_body
from app.prm.model_card import render_model_card, render_reader
from app.prm.model_tokenizer import load_tokenizer
from app.prm.objectives import get_objective
from app.prm.text_formats import FORMATS, LinesFormat, TextFormat

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
HEAD = "head.safetensors"
FORMAT = 2
FORMATS_READ = (1, 2)


@dataclass(frozen=True)
class LoadedModel:
    model: ProcessRewardModel
    tokenizer: PreTrainedTokenizerBase
    card: dict[str, Any]
    config: TrainConfig
    text_format: TextFormat


def get_code_version() -> str:
    try:
        return metadata.version("stepmark")
    except metadata.PackageNotFoundError:
        return "unknown"


def save(
    folder: Path,
    model: ProcessRewardModel,
    tokenizer: Any,
    card: dict[str, Any],
    text_format: TextFormat | None = None,
) -> None:
    """Write the folder atomically. After an OSError (a full disk) nothing is left behind."""
    text = (text_format or LinesFormat()).to_json()
    with atomic_folder(folder) as draft:
        if can_build_classifier(model):
            build_classifier(model, int(tokenizer.pad_token_id)).save_pretrained(draft)
        else:
            model.body.save_pretrained(draft)
            head = {
                name: tensor.detach().cpu().contiguous() for name, tensor in model.head.state_dict().items()
            }
            save_file(head, draft / HEAD)
        tokenizer.save_pretrained(draft)
        full = {
            "format": FORMAT,
            "kind": model.objective.kind,
            "code": get_code_version(),
            **card,
            "text": text,
        }
        write_json(draft / CARD, full)
        _write_readme(draft, full, tokenizer)


def _write_readme(folder: Path, card: dict[str, Any], tokenizer: Any) -> None:
    reader = None if (folder / HEAD).exists() else render_folder_reader(card, tokenizer)
    (folder / "README.md").write_text(render_model_card(card, reader), encoding="utf-8")


def render_folder_reader(card: dict[str, Any], tokenizer: Any, *, adapter: bool = False) -> str:
    """Python that scores with plain transformers (model_card.py)."""
    return render_reader(get_objective(card["config"]["objective"]), tokenizer, card["text"], adapter=adapter)


def load(folder: Path) -> LoadedModel:
    """Load a published model on the CPU in float32, in evaluation mode. The folder is checked before it is
    read. Raises BadCheckpoint with the reason."""
    validate_folder(folder)
    card = _load_card(folder)
    try:
        config = TrainConfig.parse(card["config"])
        text_format = FORMATS.validate_python(card.get("text") or LinesFormat())
    except (ConfigError, KeyError, ValueError) as error:
        raise BadCheckpoint(f"{CARD}: {error}") from error
    has_head = HEAD in list_files(folder)
    model = _load_with_head(folder, config) if has_head else read_classifier(folder, config.objective)
    if not all(is_finite(tensor) for tensor in model.state_dict().values()):
        raise BadCheckpoint("the weights contain values that are not finite")
    tokenizer = load_tokenizer(str(folder), None)
    if len(tokenizer) > model.body.config.vocab_size:
        raise BadCheckpoint("the tokenizer has more tokens than the model")
    model.eval()
    return LoadedModel(model, tokenizer, card, config, text_format)


def _load_with_head(folder: Path, config: TrainConfig) -> ProcessRewardModel:
    """A body with its head in a file of its own."""
    try:
        head = load_file(list_files(folder)[HEAD])
    except (OSError, SafetensorError) as error:
        raise BadCheckpoint(f"{HEAD}: {error}") from error
    model = ProcessRewardModel(load_body(str(folder), None), config.objective, _build_head(head))
    width, outputs = model.body.config.hidden_size, model.objective.outputs
    layers = [layer for layer in model.head.modules() if isinstance(layer, nn.Linear)]
    if not layers or layers[0].in_features != width or layers[-1].out_features != outputs:
        raise BadCheckpoint(f"{HEAD} does not match the body; expected {outputs} outputs of {width} inputs")
    return model


def _build_head(tensors: dict[str, Tensor]) -> nn.Module:
    """A linear layer, or the layers 0 and 2 of a head of two layers with a ReLU between them. Raises
    BadCheckpoint."""
    try:
        if "weight" in tensors:
            return build_linear(tensors["weight"], tensors.get("bias"))
        first, last = (build_linear(tensors[f"{n}.weight"], tensors.get(f"{n}.bias")) for n in (0, 2))
    except (KeyError, IndexError, RuntimeError) as error:
        raise BadCheckpoint(f"{HEAD} holds no head that is supported: {error}") from error
    return nn.Sequential(first, nn.ReLU(), last)


def update_card(folder: Path, **fields: Any) -> None:
    """Add fields that only the publisher knows (the labels and their source) to the model card."""
    card = {**_load_card(folder), **fields}
    write_json(folder / CARD, card)
    if "text" in card:
        _write_readme(folder, card, load_tokenizer(str(folder), None))


def _load_card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    if not path.is_file():
        raise BadCheckpoint(f"{folder.name} has no {CARD}; it is not a Stepmark model")
    card = read_json(path)
    if not isinstance(card, dict) or card.get("format") not in FORMATS_READ:
        raise BadCheckpoint(f"{CARD} is not of format 1 or 2")
    return card


def compute_weights_hash(folder: Path) -> bytes:
    """SHA-256 over the names and bytes of every safetensors file, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.digest()
