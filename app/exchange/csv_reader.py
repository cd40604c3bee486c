"""Rows of a table in text (CSV, TSV) as entries: each row becomes a JSON object of its cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from app.exchange import file_stream
from app.exchange.file_stream import BOM, BadFile, Entry, GuardedStream, open_stream
from app.exchange.json_decoding import MAX_RECORD_BYTES, RecordError

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
HEAD_SIZE = 1 << 16
NAME = re.compile(r"\w[\w .()/-]{0,60}")


def find_delimiter(path: Path) -> str | None:
    """The delimiter of the table, or None if the file is none."""
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    with open_stream(path) as stream:
        head = stream.read(HEAD_SIZE).removeprefix(BOM)
    line = head.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if line[:1] in ("", "{", "["):
        return None
    counts = {mark: line.count(mark) for mark in ",\t;|"}
    best = max(counts, key=lambda mark: counts[mark])
    if suffix in DELIMITERS:
        return best if counts[best] else DELIMITERS[suffix]
    names = [name.strip().strip('"') for name in line.split(best)]
    return best if len(names) > 1 and all(map(NAME.fullmatch, names)) else None


def iter_rows(path: Path, delimiter: str, offset: int, number: int) -> Iterator[Entry]:
    """Entries behind `offset`, where row `number` ended. Rows count from 1, the row of names included."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    with open_stream(path) as stream:
        lines = _Lines(stream)
        names = [name.strip() for name in next(csv.reader(lines, delimiter=delimiter), [])]
        _require_names(names)
        if not offset:
            yield from _iter_cells(lines, delimiter, names, 1)
            return
    with open_stream(path) as stream:
        stream.skip(offset)
        yield from _iter_cells(_Lines(stream, offset), delimiter, names, number)


def _iter_cells(lines: _Lines, delimiter: str, names: list[str], number: int) -> Iterator[Entry]:
    try:
        for cells in csv.reader(lines, delimiter=delimiter):
            number += 1
            lines.row_start = lines.offset
            if any(cells):
                yield _build_entry(number, lines.offset, names, cells)
    except csv.Error as error:
        message = f"Row {number + 1} cannot be read: {error}."
        raise BadFile(message, remedy="Check the quotation marks around it.") from error


def _require_names(names: list[str]) -> None:
    if len(set(names)) < len(names) or not all(names):
        raise BadFile(
            "The first row does not name every column once.",
            remedy="Give each column a name of its own in the first row.",
        )


def _build_entry(number: int, offset: int, names: list[str], cells: list[str]) -> Entry:
    if len(cells) != len(names):
        raw = ",".join(cells).encode("utf-8", "replace")
        message = f"It has {len(cells)} cells; the first row names {len(names)}."
        return Entry(number, offset, raw, RecordError(message, "Put cells with a delimiter in quotes."))
    try:
        return Entry(number, offset, orjson.dumps(dict(zip(names, cells, strict=True))))
    except TypeError:
        raw = ",".join(cells).encode("utf-8", "replace")
        return Entry(number, offset, raw, RecordError("It is not valid UTF-8.", "Save the file as UTF-8."))


class _Lines:
    """The lines of a stream as text, and the offset behind the last one that was read."""

    def __init__(self, stream: GuardedStream, offset: int = 0) -> None:
        self.offset = self.row_start = offset
        self.lines = _iter_lines(stream)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        text = line.removeprefix(BOM) if self.offset == 0 else line
        self.offset += len(line)
        _require_size(self.offset - self.row_start)
        return text.replace(b"\0", b"").decode("utf-8", "surrogateescape")


def _iter_lines(stream: GuardedStream) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(file_stream.CHUNK_SIZE):
        pieces = (rest + chunk).split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            yield piece + b"\n"
        _require_size(len(rest))
    if rest:
        yield rest


def _require_size(size: int) -> None:
    if size > 2 * MAX_RECORD_BYTES:
        raise BadFile(
            f"A row is longer than {MAX_RECORD_BYTES >> 20} MB: a quotation mark may be missing.",
            remedy="Check the quotation marks in the file.",
        )
