"""The import formats by id, in the order in which they are tried on a file of unknown format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.core.errors import Invalid
from app.exchange.field_parsers import require_object
from app.exchange.file_reader import iter_entries
from app.exchange.formats.base import ImportFormat, ParseContext
from app.exchange.json_decoding import RecordError, decode
from app.exchange.records import ImportedRecord

IMPORT_FORMATS: dict[str, ImportFormat] = {}
DETECTION_RECORDS = 20


class UnknownFormat(Invalid):
    code = "unknown_format"


def register_import_format(new: ImportFormat, *, before: str | None = None) -> None:
    """Add a format. Detection tries it last, or before the format with the id `before`."""
    if new.id in IMPORT_FORMATS:
        raise ValueError(f"The import format {new.id} is already registered.")
    formats = list(IMPORT_FORMATS.values())
    place = len(formats) if before is None else formats.index(IMPORT_FORMATS[before])
    formats.insert(place, new)
    IMPORT_FORMATS.clear()
    IMPORT_FORMATS.update({format.id: format for format in formats})


def unregister_import_format(format_id: str) -> None:
    del IMPORT_FORMATS[format_id]


def get_import_format(format_id: str) -> ImportFormat:
    try:
        return IMPORT_FORMATS[format_id]
    except KeyError:
        raise Invalid(
            f"Unknown format {format_id[:50]!r}.", remedy=f"Use auto or one of: {', '.join(IMPORT_FORMATS)}."
        ) from None


def find_format(row: dict[str, Any]) -> ImportFormat | None:
    """The first format that recognizes the record."""
    return next((candidate for candidate in IMPORT_FORMATS.values() if candidate.detect(row)), None)


def detect_format(path: Path) -> ImportFormat:
    """The format of the first records of a file."""
    problems: list[str] = []
    for row in _first_rows(path, problems):
        if (detected := find_format(row)) is not None:
            return detected
        problems.append("fields " + ", ".join(list(row)[:8]))
    detail = f"its first record has: {problems[0]}" if problems else "it has no records"
    raise UnknownFormat(
        f"The format of this file is not known: {detail[:300]}",
        remedy=f"Choose the format yourself ({', '.join(IMPORT_FORMATS)}), or see docs/formats.md.",
    )


def _first_rows(path: Path, problems: list[str]) -> Iterable[dict[str, Any]]:
    for number, entry in enumerate(iter_entries(path)):
        if number == DETECTION_RECORDS:
            return
        try:
            if entry.error is not None:
                raise entry.error
            yield require_object(decode(entry.raw))
        except RecordError as error:
            problems.append(str(error))


def parse_record(format_id: str, raw: bytes, context: ParseContext) -> ImportedRecord:
    """The content of one entry. Raises RecordError."""
    return IMPORT_FORMATS[format_id].parse(require_object(decode(raw)), context)
