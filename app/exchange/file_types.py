"""The types of file that a table is written as. A new type is a class and its line in FILE_TYPES.

pyarrow is imported where it is used, so that commands start quickly."""

from __future__ import annotations

import datetime as dt
import io
import types
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Protocol, get_args, get_origin

import orjson

from app.core.errors import NotFound
from app.exchange.exports.base import BATCH, Columns

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 5 * BATCH
Rows = list[dict[str, Any]]


class TableWriter(Protocol):
    def write(self, rows: Rows) -> None: ...

    def close(self) -> None:
        """Write the end of the file. The underlying file stays open."""
        ...


class FileType(Protocol):
    id: str
    label: str
    media_type: str

    def open(self, out: IO[bytes], columns: type[Columns]) -> TableWriter: ...


class JsonLinesWriter:
    def __init__(self, out: IO[bytes]) -> None:
        self.out = out

    def write(self, rows: Rows) -> None:
        self.out.write(b"".join(orjson.dumps(row) + b"\n" for row in rows))

    def close(self) -> None:
        """Lines need no end."""


class JsonLines:
    id = "jsonl"
    label = "JSON Lines"
    media_type = "application/x-ndjson"

    def open(self, out: IO[bytes], columns: type[Columns]) -> TableWriter:
        return JsonLinesWriter(out)


class ParquetTableWriter:
    """Rows are collected into row groups, so memory does not grow with the file."""

    def __init__(self, out: IO[bytes], columns: type[Columns]) -> None:
        import pyarrow.parquet as pq

        self.schema = build_arrow_schema(columns)
        self.file = pq.ParquetWriter(out, self.schema, compression="zstd")
        self.waiting: Rows = []

    def write(self, rows: Rows) -> None:
        self.waiting += rows
        if len(self.waiting) >= ROW_GROUP:
            self._write_row_group()

    def _write_row_group(self) -> None:
        import pyarrow as pa

        self.file.write_table(pa.Table.from_pylist(self.waiting, schema=self.schema))
        self.waiting = []

    def close(self) -> None:
        if self.waiting:
            self._write_row_group()
        self.file.close()


class Parquet:
    id = "parquet"
    label = "Parquet"
    media_type = "application/vnd.apache.parquet"

    def open(self, out: IO[bytes], columns: type[Columns]) -> TableWriter:
        return ParquetTableWriter(out, columns)


JSON_LINES = JsonLines()
PARQUET = Parquet()
FILE_TYPES: dict[str, FileType] = {JSON_LINES.id: JSON_LINES, PARQUET.id: PARQUET}


def get_file_type(name: str) -> FileType:
    try:
        return FILE_TYPES[name]
    except KeyError:
        raise NotFound(
            f"File type {name[:50]!r} not found.", remedy=f"Use one of: {', '.join(FILE_TYPES)}."
        ) from None


class _Outbox(io.RawIOBase):
    """A file that only grows, whose bytes are taken out as they come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data, self.pieces = b"".join(self.pieces), []
        return data


def iter_encoded(
    file_type: FileType, columns: type[Columns], rows: Iterable[dict[str, Any]]
) -> Iterator[tuple[bytes, int]]:
    """The file in pieces, each with the number of rows that were written until then."""
    outbox, total = _Outbox(), 0
    writer = file_type.open(outbox, columns)  # type: ignore[arg-type]
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        writer.write(batch)
        total += len(batch)
        yield outbox.take(), total
    writer.close()
    yield outbox.take(), total


def build_arrow_schema(columns: type[Columns]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [pa.field(name, _build_arrow_type(field.annotation)) for name, field in columns.model_fields.items()]
    )


def _build_arrow_type(annotation: Any) -> pa.DataType:
    import pyarrow as pa

    if get_origin(annotation) in (types.UnionType,):
        annotation = next(part for part in get_args(annotation) if part is not types.NoneType)
    if get_origin(annotation) is list:
        return pa.list_(_build_arrow_type(get_args(annotation)[0]))
    simple = {
        str: pa.string(),
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        dt.datetime: pa.timestamp("us", tz="UTC"),
    }
    return simple[annotation]
