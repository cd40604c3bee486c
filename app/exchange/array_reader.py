"""A JSON document cut into its elements, without reading any of it as JSON: only strings and brackets are
followed, and each element is decoded by itself. A malformed element costs only itself, and reading can
start again behind any element. A streaming JSON parser offers neither (docs/decisions/import-by-copy.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.exchange import file_stream
from app.exchange.file_stream import BOM, BadFile, Entry, GuardedStream
from app.exchange.json_decoding import MAX_RECORD_BYTES, RecordError

STRING = rb'"(?:[^"\\]++|\\.)*+"'
SKIP_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + STRING + rb")*+", re.DOTALL)
SKIP_OUTSIDE = re.compile(rb'(?:[^"\[\]{},]++|' + STRING + rb")*+", re.DOTALL)
BLANK = re.compile(rb"\s*")
SEPARATORS = re.compile(rb"[\s,]*")
MEMBER = re.compile(rb"(" + STRING + rb")\s*:\s*(\{)", re.DOTALL)
KEY_FIELD = "_key"
"""The field that holds the key of a record in an object of records."""


@dataclass(frozen=True, slots=True)
class Container:
    """What holds the records: an array, an object with a record for each key, or nothing but their order."""

    closing: bytes = b"]"
    """The bracket that ends it; empty for objects that follow each other."""
    start: int = 0
    """The bytes before its opening bracket."""


ARRAY = Container()
OBJECT_OF_RECORDS = Container(b"}")
SEQUENCE = Container(b"")


def iter_elements(
    stream: GuardedStream, offset: int, number: int, container: Container = ARRAY
) -> Iterator[Entry]:
    """Entries behind `offset`, where element `number` ended."""
    if not offset and container.start:
        stream.skip(container.start)
        offset = container.start
    reader = ArrayReader(stream, offset, container)
    while reader.find_element():
        number += 1
        end = reader.find_end(number)
        if end is None:
            error = RecordError("The file ends inside this element.", "It is cut short: fetch it again.")
            yield Entry(number, reader.end_of_file, reader.take(200), error)
            return
        element = reader.take(end)
        yield Entry(number, reader.offset, _add_key(element.strip(), container))
    if not reader.is_closed:
        error = RecordError("The document is not closed: the file seems cut short.", "Fetch it again.")
        yield Entry(number + 1, reader.offset, b"", error)


def _add_key(element: bytes, container: Container) -> bytes:
    """The record of a member, with its key as one more field."""
    if container.closing != b"}":
        return element
    member = MEMBER.match(element)
    if member is None:
        return b"{" + element + b"}"
    rest = element[member.end() :]
    comma = b"" if rest.lstrip()[:1] == b"}" else b","
    return b'{"' + KEY_FIELD.encode() + b'":' + member[1] + comma + rest


class ArrayReader:
    """The unread part of the array: `buffer` from `start` on, which is at `offset` in the (unpacked) file."""

    def __init__(self, stream: GuardedStream, offset: int, container: Container = ARRAY) -> None:
        self.stream, self.offset, self.closing = stream, offset, container.closing
        self.buffer, self.start = b"", 0
        self.is_opened = offset > container.start or not self.closing
        self.is_closed = not self.closing

    @property
    def end_of_file(self) -> int:
        return self.offset + len(self.buffer) - self.start

    def take(self, count: int) -> bytes:
        taken = self.buffer[self.start : self.start + count]
        self.start += len(taken)
        self.offset += len(taken)
        return taken

    def find_element(self) -> bool:
        """Move to the start of the next element. False at the end of the array or of the file."""
        while True:
            if self.offset == 0 and self.buffer.startswith(BOM):
                self.take(len(BOM))
            blank = (SEPARATORS if self.is_opened else BLANK).match(self.buffer, self.start)
            self.take(blank.end() - self.start if blank else 0)
            if self.start == len(self.buffer) or (self.offset == 0 and BOM.startswith(self.buffer)):
                if not self._read():
                    return False
            elif not self.is_opened:
                self.is_opened = bool(self.take(1))
            elif not self.closing:
                return True
            else:
                self.is_closed = self.buffer.startswith(self.closing, self.start)
                return not self.is_closed

    def find_end(self, number: int) -> int | None:
        """The length of the element at the start, or None if the file ends in it."""
        position, depth = 0, 0
        while True:
            skipped = (SKIP_INSIDE if depth else SKIP_OUTSIDE).match(self.buffer, self.start + position)
            position = skipped.end() - self.start if skipped else position
            mark = self.buffer[self.start + position : self.start + position + 1]
            if mark in (b"", b'"'):  # the buffer ends here, or within this string
                self._require_size(number)
                if not self._read():
                    return None
            elif mark in b"[{":
                depth, position = depth + 1, position + 1
            elif depth == 0:  # the separator behind a number, a string or a word, or a stray bracket
                return position or 1
            else:
                depth, position = depth - 1, position + 1
                if depth == 0:
                    return position

    def _require_size(self, number: int) -> None:
        if len(self.buffer) - self.start > MAX_RECORD_BYTES:
            raise BadFile(
                f"Element {number} is over {MAX_RECORD_BYTES >> 20} MB, or its brackets never close.",
                remedy="Check the file around it, or turn it into JSON Lines.",
            )

    def _read(self) -> bool:
        chunk = self.stream.read(file_stream.CHUNK_SIZE)
        self.buffer, self.start = self.buffer[self.start :] + chunk, 0
        return bool(chunk)
