"""The lines an import could not take: a page of them, and all of them to mend and bring again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.exchange.file_reader import BadFile, entries
from app.exchange.models import Import, LineError

PAGE = 50
LONGEST_LINE = 1 << 20


def page(
    db: Session, import_id: int, after: int = 0, limit: int = PAGE
) -> tuple[list[LineError], int | None]:
    """Errors behind line `after`, and the line to go on from, if there are more."""
    found = list(
        db.scalars(
            select(LineError)
            .where(LineError.import_id == import_id, LineError.line > after)
            .order_by(LineError.line)
            .limit(limit + 1)
        )
    )
    return found[:limit], found[limit - 1].line if len(found) > limit else None


def as_lines(import_id: int) -> Iterator[bytes]:
    """JSON Lines {"line", "message", "record"}: the whole record while the file is still there."""
    with transaction() as db:
        of = db.get_one(Import, import_id)
        errors = {
            error.line: error
            for error in db.scalars(select(LineError).where(LineError.import_id == import_id))
        }
    whole = _records(Path(of.path), set(errors))
    for line, error in sorted(errors.items()):
        record = error.excerpt
        for number, raw in whole:
            if number == line:
                record = raw[:LONGEST_LINE].decode("utf-8", "replace")
            if number >= line:
                break
        yield orjson.dumps({"line": line, "message": error.message, "record": record}) + b"\n"


def _records(path: Path, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    if not wanted or not path.is_file():
        return
    last = max(wanted)
    try:
        for entry in entries(path):
            if entry.number in wanted:
                yield entry.number, entry.raw
            if entry.number >= last:
                return
    except (BadFile, OSError):
        return
