"""Rejected records of an import: a page of them, and all of them as a download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.exchange.file_reader import iter_entries
from app.exchange.file_stream import BadFile
from app.exchange.models import Import, RejectedRecord

PAGE_SIZE = 50
MAX_LINE_BYTES = 1 << 20


def list_rejected(
    db: Session, import_id: int, after: int = 0, limit: int = PAGE_SIZE
) -> tuple[list[RejectedRecord], int | None]:
    """The rejected records behind line `after`, and the line of the last one if there are more."""
    rows = list(
        db.scalars(
            select(RejectedRecord)
            .where(RejectedRecord.import_id == import_id, RejectedRecord.line > after)
            .order_by(RejectedRecord.line)
            .limit(limit + 1)
        )
    )
    return rows[:limit], rows[limit - 1].line if len(rows) > limit else None


def iter_rejected_lines(import_id: int) -> Iterator[bytes]:
    """JSON Lines {"line", "message", "record"}, with the complete record as long as the file exists."""
    with transaction() as db:
        of = db.get_one(Import, import_id)
        errors = {
            error.line: error
            for error in db.scalars(select(RejectedRecord).where(RejectedRecord.import_id == import_id))
        }
    records = _iter_raw_records(Path(of.path), set(errors))
    for line, error in sorted(errors.items()):
        record = error.excerpt
        for number, raw in records:
            if number == line:
                record = raw[:MAX_LINE_BYTES].decode("utf-8", "replace")
            if number >= line:
                break
        yield orjson.dumps({"line": line, "message": error.message, "record": record}) + b"\n"


def _iter_raw_records(path: Path, lines: set[int]) -> Iterator[tuple[int, bytes]]:
    if not lines or not path.is_file():
        return
    last = max(lines)
    try:
        for entry in iter_entries(path):
            if entry.number in lines:
                yield entry.number, entry.raw
            if entry.number >= last:
                return
    except (BadFile, OSError):
        return
