"""Owners of the server: one small file per owner, named by process ID and start time.

The last owner stops the server. A killed owner leaves a file that matches no living process; the next reader
removes it."""

from __future__ import annotations

import uuid
from pathlib import Path

from app.core import process_identity


def add_holder(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    holder = folder / f"{process_identity.process_identity()}-{uuid.uuid4().hex[:8]}"
    holder.touch()
    return holder


def list_holders(folder: Path) -> list[Path]:
    """The files of owners that are alive; the others are removed."""
    alive = []
    for file in sorted(folder.glob("*-*-*")):
        if process_identity.find_process(file.name.rpartition("-")[0]):
            alive.append(file)
        else:
            file.unlink(missing_ok=True)
    return alive
