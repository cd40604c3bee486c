"""The import formats by id, in the order in which they are tried on a file of unknown format."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from app.core.errors import Invalid
from app.exchange.field_parsers import Row, require_object
from app.exchange.file_reader import iter_entries
from app.exchange.formats.base import ImportFormat, ParseContext
from app.exchange.json_decoding import RecordError, decode
from app.exchange.mapping_guess import guess_mapping
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
    rows, problems = read_start(path)
    for row in rows:
        if (detected := find_format(row)) is not None:
            return detected
    if not rows:
        detail = f"Its first record cannot be read. {problems[0]}" if problems else "It has no records."
        raise UnknownFormat(
            f"The format of this file is not known. {detail[:400]}",
            remedy="Correct the file, or choose a format.",
        )
    names = ", ".join(list(rows[0])[:12])
    raise UnknownFormat(
        f"The format of this file is not known. Its records have the fields {names[:300]}.",
        remedy=f"Name the fields: {suggest_mapping(rows)}. Docs: docs/formats.md, Mapping fields.",
    )


def suggest_mapping(rows: list[Row]) -> str:
    """The options of the command line that map the fields, in so far as they can be guessed."""
    guess = {"problem": "FIELD", **guess_mapping(rows)}
    return "--map " + ",".join(f"{target}={path}" for target, path in guess.items())


def read_start(path: Path) -> tuple[list[Row], list[str]]:
    """The first records of a file that can be read, and the reasons why others cannot."""
    rows: list[Row] = []
    problems: list[str] = []
    for entry in islice(iter_entries(path), DETECTION_RECORDS):
        try:
            if entry.error is not None:
                raise entry.error
            rows.append(require_object(decode(entry.raw)))
        except RecordError as error:
            problems.append(str(error))
    return rows, problems


def parse_record(format_id: str, raw: bytes, context: ParseContext) -> ImportedRecord:
    """The content of one entry. Raises RecordError."""
    return IMPORT_FORMATS[format_id].parse(require_object(decode(raw)), context)
