"""Which files of a model folder are read: safetensors weights, JSON and tokenizer files, if regular files of
the folder. Whatever else lies there (pickles, code, pictures, caches) is not read and does not matter.

Libraries never see the folder itself. `open_model_folder` hands them a temporary folder that holds links to
the files that may be read, and copies of the configurations without the fields that name code."""

from __future__ import annotations

import json
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LARGEST_JSON = 64 * 1024 * 1024
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PLAIN_NAME = re.compile(r"[\w.+-]{1,200}\.safetensors")
CODE_FIELDS = frozenset(("auto_map", "custom_pipelines"))
READABLE = (
    CONFIG,
    "generation_config.json",
    "head.safetensors",
    "stepmark.json",
    "stepmark-prm.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "chat_template.jinja",
    "chat_template.json",
)
"""Files besides the weights. tokenizer.model and the like are SentencePiece tables, not programs."""
PICKLES = ("*.bin", "*.pth", "*.pt", "*.ckpt", "*.pkl")


class BadCheckpoint(ValueError):
    """The folder cannot be used as a model. The message gives the reason."""


def validate_folder(folder: Path) -> None:
    """Raises BadCheckpoint if a file that would be read is missing, no regular file or outside the folder, or
    if a configuration is not JSON."""
    files = list_files(folder)
    if CONFIG not in files:
        raise BadCheckpoint(f"{folder.name} has no config.json")
    for name, path in files.items():
        if path.suffix == ".json" or name.endswith(".json"):
            read_json(path)
    if not list_weights(files):
        raise BadCheckpoint(_explain_missing_weights(folder, files))


def list_files(folder: Path) -> dict[str, Path]:
    """The files that are read, by name, with links resolved. Raises BadCheckpoint for one that is no regular
    file, a link out of the folder, or an index that names files outside it."""
    if not folder.is_dir():
        raise BadCheckpoint(f"{folder} is not a folder")
    roots = _list_roots(folder)
    files = {name: _resolve_file(folder, name, roots) for name in READABLE if _exists(folder / name)}
    if _exists(folder / WEIGHTS):
        return files | {WEIGHTS: _resolve_file(folder, WEIGHTS, roots)}
    if _exists(folder / INDEX):
        files[INDEX] = _resolve_file(folder, INDEX, roots)
        for name in _list_shards(files[INDEX]):
            files[name] = _resolve_file(folder, name, roots)
    return files


def list_weights(files: dict[str, Path]) -> list[Path]:
    """The weight files of the body among `files`."""
    return [path for name, path in files.items() if PLAIN_NAME.fullmatch(name) and name != "head.safetensors"]


@contextmanager
def open_model_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder with the readable files of `folder` and nothing else. Raises BadCheckpoint."""
    files = list_files(folder)
    with tempfile.TemporaryDirectory(prefix="stepmark-view-") as place:
        view = Path(place) / (folder.name or "model")
        view.mkdir()
        for name, path in files.items():
            content = read_json(path) if name in (CONFIG, "tokenizer_config.json") else None
            if isinstance(content, dict) and CODE_FIELDS & content.keys():
                data = {key: value for key, value in content.items() if key not in CODE_FIELDS}
                (view / name).write_text(json.dumps(data), encoding="utf-8")
            else:
                (view / name).symlink_to(path)
        yield view


def read_json(path: Path) -> Any:
    if not path.is_file():
        raise BadCheckpoint(f"{path.name} is not a regular file")
    if path.stat().st_size > LARGEST_JSON:
        raise BadCheckpoint(f"{path.name} is larger than {LARGEST_JSON // 1024**2} MiB")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{path.name} is not JSON: {error}") from error


def _list_roots(folder: Path) -> list[Path]:
    """The folder, and for a snapshot in the Hub's cache the stores that its links lead to:
    CACHE/models--ORG--NAME/blobs and CACHE/blobs."""
    root = folder.resolve()
    repository = root.parent.parent
    if root.parent.name == "snapshots" and repository.name.startswith("models--"):
        return [root, repository / "blobs", repository.parent / "blobs"]
    return [root]


def _resolve_file(folder: Path, name: str, roots: list[Path]) -> Path:
    try:
        path = (folder / name).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise BadCheckpoint(f"{name} is missing") from error
    if not any(path.is_relative_to(root) for root in roots):
        raise BadCheckpoint(f"{name} is a link out of the model's folder")
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadCheckpoint(f"{name} is not a regular file")
    return path


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _list_shards(index: Path) -> list[str]:
    content = read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise BadCheckpoint(f"{INDEX} has no weight_map")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if not PLAIN_NAME.fullmatch(name):
            raise BadCheckpoint(f"{INDEX} names {name[:80]!r}, which is no safetensors file of the folder")
    return names


def _explain_missing_weights(folder: Path, files: dict[str, Path]) -> str:
    config = read_json(files[CONFIG])
    names = config.get("architectures") if isinstance(config, dict) else None
    named = f" ({', '.join(map(str, names))})" if isinstance(names, list) and names else ""
    reason = f"{folder.name}{named} has no safetensors weights"
    if (folder / "adapter_config.json").is_file():
        return f"{reason}; it is an adapter: merge it into its base first"
    if any(path for pattern in PICKLES for path in folder.glob(pattern)):
        return (
            f"{reason}; its other weight files may carry code and are not read. "
            "Convert them with save_pretrained(safe_serialization=True)"
        )
    return reason
