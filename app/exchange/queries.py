"""Reads of imports, for pages and the API."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.exchange.models import Import


def get_import(db: Session, project_id: int, import_id: int) -> Import:
    row = db.scalar(select(Import).where(Import.id == import_id, Import.project_id == project_id))
    if row is None:
        raise NotFound("Import not found.", remedy="Go back to the list of imports.")
    return row


def list_imports(db: Session, project_id: int, before: int | None = None, limit: int = 30) -> list[Import]:
    """Newest first, those older than the import `before`."""
    query = select(Import).where(Import.project_id == project_id)
    if before is not None:
        query = query.where(Import.id < before)
    return list(db.scalars(query.order_by(Import.id.desc()).limit(limit)))
