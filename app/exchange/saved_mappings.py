"""Mappings of fields that are kept by name in a project, and found again for a file with the same fields."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Invalid, NotFound
from app.exchange.field_mapping import FieldMapping
from app.exchange.field_parsers import Row
from app.exchange.field_paths import read_path
from app.exchange.formats.guess import FormatGuess, guess_format
from app.exchange.formats.registry import UnknownFormat, read_start
from app.exchange.models import SavedMapping

MAX_NAME_LENGTH = 60


def list_mappings(db: Session, project_id: int) -> dict[str, FieldMapping]:
    """By name, the newest first."""
    rows = db.scalars(
        select(SavedMapping)
        .where(SavedMapping.project_id == project_id)
        .order_by(SavedMapping.created_at.desc(), SavedMapping.name)
    )
    return {row.name: FieldMapping.model_validate(row.fields) for row in rows}


def get_mapping(db: Session, project_id: int, name: str) -> FieldMapping:
    row = db.get(SavedMapping, (project_id, name))
    if row is None:
        names = ", ".join(list_mappings(db, project_id)) or "none yet"
        raise NotFound(f"There is no mapping named {name[:60]!r}.", remedy=f"Saved mappings: {names}.")
    return FieldMapping.model_validate(row.fields)


def save_mapping(
    db: Session, project_id: int, name: str, mapping: FieldMapping, user_id: int | None = None
) -> None:
    """Save a mapping, or replace the one of this name."""
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise Invalid(f"A name has 1 to {MAX_NAME_LENGTH} characters.", remedy="Choose another name.")
    values = {"fields": mapping.to_json(), "created_by": user_id}
    statement = insert(SavedMapping).values(project_id=project_id, name=name, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["project_id", "name"], set_=values))


def find_matching(db: Session, project_id: int, rows: list[Row]) -> tuple[str, FieldMapping] | None:
    """The newest mapping whose fields the records have."""
    for name, mapping in list_mappings(db, project_id).items():
        paths = mapping.list_fields().values()
        if rows and all(any(read_path(row, path) is not None for row in rows) for path in paths):
            return name, mapping
    return None


def choose_format(
    db: Session,
    project_id: int,
    path: Path,
    *,
    format: str = "auto",
    split: str | None = None,
    segmentation: str | None = None,
    filename: str = "",
    mapping: FieldMapping | None = None,
    mapping_name: str | None = None,
) -> tuple[FormatGuess, str | None]:
    """How a file will be read, and the name of its mapping: the requested one, or a saved one that fits."""
    if mapping is None and mapping_name:
        mapping = get_mapping(db, project_id, mapping_name)
    name = filename or path.name
    try:
        return guess_format(path, format, split, segmentation, name, mapping), mapping_name
    except UnknownFormat:
        matching = find_matching(db, project_id, read_start(path)[0])
        if matching is None:
            raise
        return guess_format(path, "auto", split, segmentation, name, matching[1]), matching[0]
