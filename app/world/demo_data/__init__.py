"""The data of the demo, stored here so that its first start is fast: a small language model that was trained
on the demo's world, and solutions that it wrote. Built by `python -m app.world.build_demo_data`;
docs/decisions/demo-material.md gives the reasons."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WRITER = FOLDER / "writer"
"""A model folder of transformers: a base for a PRM, and a generator."""
POOL = FOLDER / "pool.jsonl.gz"
MANIFEST = FOLDER / "manifest.json"
"""How the data was built: fingerprint of the world, training of the writer, seeds and hashes of the files."""


@dataclass(frozen=True)
class Entry:
    """A problem with its sampled solutions, duplicates included."""

    statement: str
    answer: str
    split: str
    solutions: list[list[str]]


def load_entries() -> list[Entry]:
    with gzip.open(POOL, "rt", encoding="utf-8") as lines:
        return [Entry(**json.loads(line)) for line in lines]


def manifest() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(MANIFEST.read_bytes())
    return content
