"""Files as entries, in bounded memory: lines of JSONL, or elements of one JSON array,
plain or gzip. Each entry comes with its number and the offset behind it, from which
reading can start again."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from app.core.errors import Invalid
from app.exchange.json_decoding import MAX_RECORD_BYTES, RecordError

CHUNK_SIZE = 1 << 20
BOM = b"\xef\xbb\xbf"
MAX_UNPACKED_BYTES = 64 << 30  # bytes, unpacked
MAX_RATIO = 200  # unpacked to packed, past the first FREE bytes
UNLIMITED_BYTES = 64 << 20


@dataclass(slots=True)
class Entry:
    number: int
    """The line in the file, from 1; in a JSON array the number of the element."""
    end: int
    """Offset (of the unpacked file) behind it."""
    raw: bytes
    error: RecordError | None = None


class BadFile(Invalid):
    """Nothing more of this file can be read."""

    code = "bad_file"


class GuardedStream:
    """A stream that stops a compressed bomb: it counts what comes out against what went in."""

    def __init__(self, inner: IO[bytes], packed: IO[bytes] | None) -> None:
        self.inner, self.packed, self.out = inner, packed, 0

    def read(self, size: int) -> bytes:
        try:
            data = self.inner.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise BadFile(
                f"The compressed file is damaged: {error}", remedy="Compress it again, or import it unpacked."
            ) from error
        self.out += len(data)
        if self.packed is not None:
            allowed = max(UNLIMITED_BYTES, self.packed.tell() * MAX_RATIO)
            if self.out > min(allowed, MAX_UNPACKED_BYTES):
                raise BadFile(
                    f"The compressed file unpacks to more than {MAX_RATIO} times its size.",
                    remedy="Unpack it yourself and import the result, if it is what it should be.",
                )
        return data

    def skip(self, count: int) -> None:
        if self.packed is None:
            self.inner.seek(count)
            return
        while count > 0:
            size = len(self.read(min(CHUNK_SIZE, count)))
            if not size:
                return
            count -= size


@contextmanager
def open_stream(path: Path) -> Iterator[GuardedStream]:
    """The file's bytes; gzip is told by its first two."""
    with path.open("rb") as plain:
        start = plain.read(4)
        plain.seek(0)
        if start[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield GuardedStream(cast(IO[bytes], unpacked), plain)
        elif start[:4] in (b"PK\x03\x04", b"\xfd7zX", b"\x28\xb5\x2f\xfd") or start[:3] == b"BZh":
            raise BadFile(
                "This is a compressed file of a kind Stepmark does not read.",
                remedy="Unpack it first (gzip is read as it is).",
            )
        elif start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise BadFile("The file is UTF-16.", remedy="Save it as UTF-8.")
        else:
            yield GuardedStream(plain, None)


def unpacked_size(path: Path) -> int:
    """For progress. Of a gzip file, what its last four bytes say (exact below 4 GB)."""
    with path.open("rb") as plain:
        size = path.stat().st_size
        if plain.read(2) != b"\x1f\x8b" or size < 18:
            return size
        plain.seek(-4, 2)
        return int.from_bytes(plain.read(4), "little")


def is_array(path: Path) -> bool:
    """Is it one JSON array, rather than lines?"""
    with open_stream(path) as stream:
        return stream.read(CHUNK_SIZE).removeprefix(BOM).lstrip()[:1] == b"["


def iter_entries(path: Path, *, offset: int = 0, number: int = 0) -> Iterator[Entry]:
    """Entries behind `offset`, where entry `number` ended."""
    read = _iter_elements if is_array(path) else _iter_lines
    with open_stream(path) as stream:
        stream.skip(offset)
        yield from read(stream, offset, number)


def _iter_lines(stream: GuardedStream, offset: int, number: int) -> Iterator[Entry]:
    rest, skipping = b"", False
    while chunk := stream.read(CHUNK_SIZE):
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


QUOTE_OR_BRACKET = re.compile(rb'["\[\]{}]')
STRING_END = re.compile(rb'["\\]')


def _iter_elements(stream: GuardedStream, offset: int, number: int) -> Iterator[Entry]:
    """Cuts one array into its elements without reading any of it as JSON: only
    quotes and brackets are followed, and each element is decoded by itself."""
    buffer, at, start = b"", 0, -1
    depth, quoted, opened_array = 0, False, offset > 0
    while True:
        if at >= len(buffer):
            if start >= 0 and len(buffer) - start > MAX_RECORD_BYTES:
                raise BadFile(
                    f"Element {number + 1} is over {MAX_RECORD_BYTES >> 20} MB, or its brackets never close.",
                    remedy="Check the file around it, or turn it into JSON Lines.",
                )
            keep = buffer[start:] if start >= 0 else b""
            offset += len(buffer) - len(keep)
            chunk = stream.read(CHUNK_SIZE)
            if not chunk:
                break
            buffer, at, start = keep + chunk, len(keep), 0 if start >= 0 else -1
        if quoted:
            match = STRING_END.search(buffer, at)
            if match is None:
                at = len(buffer)
            elif match.group() == b"\\":
                if match.end() >= len(buffer):  # the escaped character comes with the next chunk
                    more = stream.read(CHUNK_SIZE)
                    if not more:
                        break
                    buffer += more
                at = match.end() + 1
            else:
                quoted, at = False, match.end()
            continue
        if start < 0:
            at = _blank_end(buffer, at, opened_array)
            if at >= len(buffer):
                continue
            if buffer[at : at + 1] == b"]":
                return
            if not opened_array:
                opened_array, at = True, at + 1
                continue
            start = at
        match = (QUOTE_OR_BRACKET if depth else SCALAR_END).search(buffer, at)
        if match is None:
            at = len(buffer)
            continue
        mark, at = match.group(), match.end()
        if mark == b'"':
            quoted = True
        elif mark in b"[{":
            depth += 1
        elif depth and mark in b"]}":
            depth -= 1
            if depth == 0:
                number += 1
                yield Entry(number, offset + at, buffer[start:at])
                start = -1
        elif mark in b",]}":
            number += 1
            yield Entry(number, offset + at - 1, buffer[start : at - 1].strip())
            start, at = -1, at - 1
    if start >= 0 or depth:
        number += 1
        bad = RecordError("The file ends inside this element.", "It is cut short: fetch it again.")
        yield Entry(number, offset + len(buffer), buffer[max(start, 0) :][:200], bad)
    else:
        bad = RecordError("The array is not closed: the file seems cut short.", "Fetch it again.")
        yield Entry(number + 1, offset, b"", bad)


SCALAR_END = re.compile(rb'["\[\]{},]')
BLANK = re.compile(rb"[\s,]*")


def _blank_end(buffer: bytes, at: int, commas: bool) -> int:
    if not commas:
        at += 3 if at == 0 and buffer.startswith(BOM) else 0
        return at + len(buffer[at:]) - len(buffer[at:].lstrip())
    match = BLANK.match(buffer, at)
    assert match is not None
    return match.end()
