"""What the demo begins with, kept here so that its first start need not wait for it: a small language
model that learned to solve the demo's world and to check it, and solutions it wrote. Made by
`python -m app.world.build_demo_data`; docs/decisions/demo-material.md says why it is kept."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WRITER = FOLDER / "writer"
"""As transformers keeps a model: a base for a PRM, and a generator."""
POOL = FOLDER / "pool.jsonl.gz"
MANIFEST = FOLDER / "manifest.json"
"""How it was made: the world's fingerprint, what the writer read, seeds, hashes of the files."""


@dataclass(frozen=True)
class Entry:
    """A problem with the solutions as they were drawn, equal ones too."""

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
