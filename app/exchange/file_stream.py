"""Bytes of a file in bounded memory, plain or gzip, with a guard against compressed bombs."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from app.core.errors import Invalid
from app.exchange.json_decoding import RecordError

CHUNK_SIZE = 1 << 20
BOM = b"\xef\xbb\xbf"
MAX_UNPACKED_BYTES = 64 << 30  # bytes, unpacked
MAX_RATIO = 200  # unpacked to packed, past the first FREE bytes
UNLIMITED_BYTES = 64 << 20


@dataclass(slots=True)
class Entry:
    number: int
    """The line in the file, from 1, or the number of the element in a JSON array."""
    end: int
    """The offset behind the entry, in the unpacked file."""
    raw: bytes
    error: RecordError | None = None


class BadFile(Invalid):
    """The rest of the file cannot be read."""

    code = "bad_file"


class GuardedStream:
    """A stream that stops a compressed bomb, by comparing the bytes it returns with the bytes it read."""

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
                    remedy="Unpack the file and check it, then import the result.",
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
    """The bytes of a file. A gzip file is recognized by its first two bytes."""
    with path.open("rb") as plain:
        start = plain.read(4)
        plain.seek(0)
        if start[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield GuardedStream(cast(IO[bytes], unpacked), plain)
        elif start[:4] in (b"PK\x03\x04", b"\xfd7zX", b"\x28\xb5\x2f\xfd") or start[:3] == b"BZh":
            raise BadFile(
                "This type of compressed file is not supported.",
                remedy="Unpack the file first, or compress it with gzip.",
            )
        elif start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise BadFile("The file is UTF-16.", remedy="Save it as UTF-8.")
        else:
            yield GuardedStream(plain, None)


def unpacked_size(path: Path) -> int:
    """The size for the progress bar. The last four bytes of a gzip file state it (exact below 4 GB)."""
    with path.open("rb") as plain:
        size = path.stat().st_size
        if plain.read(2) != b"\x1f\x8b" or size < 18:
            return size
        plain.seek(-4, 2)
        return int.from_bytes(plain.read(4), "little")
