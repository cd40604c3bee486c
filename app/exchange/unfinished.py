"""An import of this very file that was stopped: it goes on, rather than starting again."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exchange.file_reader import unpacked_size
from app.exchange.models import Import
from app.projects.models import Project


def unfinished(
    db: Session, project: Project, path: Path, format: str, split: str | None, segmentation: str | None
) -> Import | None:
    if not path.is_file():
        return None
    found = db.scalar(
        select(Import)
        .where(Import.project_id == project.id, Import.path == str(path.resolve()))
        .order_by(Import.id.desc())
        .limit(1)
    )
    if found is None or found.state not in ("running", "failed"):
        return None
    modified = path.stat().st_mtime
    same = (
        found.bytes_total == unpacked_size(path)
        and modified <= found.created_at.timestamp()
        and format in ("auto", found.format)
        and split in (None, found.split)
        and segmentation in (None, found.options.get("segmentation"))
    )
    return found if same else None
