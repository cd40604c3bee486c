"""Checks of a checkpoint folder before anything in it is loaded. A checkpoint is data: no pickles, no code,
no links out of its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ALLOWED = {".safetensors", ".json", ".txt", ".model", ".jinja", ".md"}
LARGEST_JSON = 64 * 1024 * 1024


class BadCheckpoint(ValueError):
    """The folder cannot be used as a model. The message gives the reason."""


def validate_folder(folder: Path) -> None:
    """Raises BadCheckpoint for a link out of the folder, a file that may carry code (pickles: .bin, .pt,
    .pth, .ckpt, .pkl), code named by `auto_map`, or invalid JSON."""
    root = folder.resolve()
    if not folder.is_dir():
        raise BadCheckpoint(f"{folder} is not a folder")
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise BadCheckpoint(f"{name} is a link out of the checkpoint's folder")
        for name in files:
            _check_file(Path(parent) / name)
    if not (folder / "config.json").is_file():
        raise BadCheckpoint(f"{folder.name} has no config.json")


def _check_file(path: Path) -> None:
    if path.suffix not in ALLOWED and path.name not in ("LICENSE", ".gitattributes"):
        raise BadCheckpoint(
            f"{path.name} may carry code; only safetensors weights and JSON are read. "
            "Convert the weights with save_pretrained(safe_serialization=True)."
        )
    if path.suffix == ".json":
        content = read_json(path)
        if isinstance(content, dict) and "auto_map" in content:
            raise BadCheckpoint(f"{path.name} asks to run code from the checkpoint (auto_map)")


def read_json(path: Path) -> Any:
    if path.stat().st_size > LARGEST_JSON:
        raise BadCheckpoint(f"{path.name} is larger than {LARGEST_JSON // 1024**2} MiB")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{path.name} is not JSON: {error}") from error
