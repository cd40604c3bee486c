"""Files as entries, in bounded memory: lines of JSON Lines, elements of a JSON document, rows of a table.
Each entry comes with its number and the offset behind it, from which reading can start again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.exchange import arrow_reader, csv_reader, file_stream
from app.exchange.array_reader import iter_elements
from app.exchange.file_layout import find_container
from app.exchange.file_stream import BOM, Entry, GuardedStream, open_stream
from app.exchange.json_decoding import MAX_RECORD_BYTES, RecordError


def iter_entries(path: Path, *, offset: int = 0, number: int = 0) -> Iterator[Entry]:
    """Entries behind `offset`, where entry `number` ended."""
    if arrow_reader.is_columnar(path):
        yield from arrow_reader.iter_rows(path, number)
        return
    if delimiter := csv_reader.find_delimiter(path):
        yield from csv_reader.iter_rows(path, delimiter, offset, number)
        return
    container = find_container(path)
    with open_stream(path) as stream:
        stream.skip(offset)
        if container is None:
            yield from _iter_lines(stream, offset, number)
        else:
            yield from iter_elements(stream, offset, number, container)


def _iter_lines(stream: GuardedStream, offset: int, number: int) -> Iterator[Entry]:
    rest, skipping = b"", False
    while chunk := stream.read(file_stream.CHUNK_SIZE):
        pieces = (rest + chunk).split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            number += 1
            offset += len(piece) + 1
            if skipping or len(piece) > MAX_RECORD_BYTES:
                yield _build_oversized_entry(number, offset, piece)
                skipping = False
            elif entry := _build_entry(number, offset, piece):
                yield entry
        if len(rest) > MAX_RECORD_BYTES:  # what a line of a gigabyte has so far is let go
            offset += len(rest) - 1024
            rest, skipping = rest[:1024], True
    if rest:
        offset += len(rest)
        if skipping:
            yield _build_oversized_entry(number + 1, offset, rest)
        elif entry := _build_entry(number + 1, offset, rest):
            yield entry


def _build_entry(number: int, offset: int, piece: bytes) -> Entry | None:
    if number == 1:
        piece = piece.removeprefix(BOM)
    piece = piece.strip(b" \t\r")
    return Entry(number, offset, piece) if piece else None


def _build_oversized_entry(number: int, offset: int, piece: bytes) -> Entry:
    bad = RecordError(f"It is longer than {MAX_RECORD_BYTES >> 20} MB.", "Split it into smaller records.")
    return Entry(number, offset, piece[:200], bad)
