"""Folders that are there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yields an empty folder beside `target`; when the block ends well, everything in it is
    on disk and it takes the name of `target` (replacing an older one). Else it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
        for path in sorted(draft.rglob("*")):
            _sync(path)
        _sync(draft)
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """There whole or not at all: whoever is killed while writing leaves the older file, or none."""
    draft = path.with_name(f".{path.name}.draft-{os.getpid()}")
    draft.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)
