"""Imported files."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from app.core.db import transaction
from app.exchange import importer
from app.exchange.models import Import
from app.projects.models import Project


def import_file(path: Path, **options: object) -> Import:
    """The finished import of `path` into the only project."""
    with transaction() as db:
        project = db.scalar(select(Project)) or Project(name="P", slug="p")
        db.add(project)
        db.flush()
        run = importer.create_import(db, project, path, **options)  # type: ignore[arg-type]
    return importer.run_import(run.id)
