"""How a JSON file lays out its records: a line each, or the elements of one document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from app.exchange.array_reader import ARRAY, OBJECT_OF_RECORDS, SEQUENCE, STRING, Container
from app.exchange.file_stream import BOM, open_stream

HEAD_SIZE = 1 << 20
LIST_KEYS = (
    "data", "rows", "records", "examples", "instances", "items", "entries", "results", "samples",
    "problems", "questions", "solutions", "train", "validation", "dev", "test",
)  # fmt: skip
FIRST_LIST = re.compile(rb"\s*\{\s*(" + STRING + rb")\s*:\s*(?=\[\s*\{)", re.DOTALL)
FIRST_OBJECT = re.compile(rb"\s*\{\s*" + STRING + rb"\s*:\s*\{", re.DOTALL)


def find_container(path: Path) -> Container | None:
    """What holds the records of the file, or None for JSON Lines."""
    with open_stream(path) as stream:
        head = stream.read(HEAD_SIZE)
        is_complete = len(head) < HEAD_SIZE
    text = head.removeprefix(BOM)
    start = text.lstrip()[:1]
    if start == b"[":
        return ARRAY
    if start != b"{" or _is_json_lines(text.lstrip(), is_complete):
        return None
    return _find_in_object(text, len(head) - len(text), is_complete)


def _is_json_lines(text: bytes, is_complete: bool) -> bool:
    """Whether the first line is a record of its own, and not a document or the start of one."""
    line, separator, rest = text.partition(b"\n")
    if not separator and not is_complete:
        return not FIRST_OBJECT.match(text)
    record = _decode(line)
    if record is None:
        return rest.lstrip()[:1] == b"{" and line.rstrip() != b"{"
    return bool(rest.strip()) or not (_holds_records(record) or _find_list(text))


def _find_in_object(text: bytes, offset: int, is_complete: bool) -> Container:
    if listed := _find_list(text):
        return Container(b"]", offset + listed)
    document = _decode(text) if is_complete else None
    if document is not None:
        return OBJECT_OF_RECORDS if _holds_records(document) else SEQUENCE
    return OBJECT_OF_RECORDS if not is_complete and FIRST_OBJECT.match(text) else SEQUENCE


def _find_list(text: bytes) -> int:
    """The offset of the list of records that the first field holds, or 0."""
    match = FIRST_LIST.match(text)
    return match.end() if match and match[1].decode("utf-8", "replace").strip('"') in LIST_KEYS else 0


def _holds_records(document: Any) -> bool:
    """Whether every field of an object is a record, with fields that the first one has too."""
    if not isinstance(document, dict) or not document:
        return False
    records = list(document.values())
    if not all(isinstance(record, dict) and record for record in records):
        return False
    return all(record.keys() & records[0].keys() for record in records)


def _decode(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
