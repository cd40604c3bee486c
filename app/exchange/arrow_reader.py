"""Rows of columnar files (Parquet, Arrow, Feather) as entries: each row becomes a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from app.exchange.file_stream import BadFile, Entry
from app.exchange.json_decoding import RecordError

BATCH_ROWS = 500
PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"


def is_columnar(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6).startswith((PARQUET, ARROW_FILE, ARROW_STREAM))


def iter_rows(path: Path, number: int) -> Iterator[Entry]:
    """Entries behind row `number`. Their offsets are shares of the size of the file."""
    import pyarrow

    try:
        yield from _iter_rows(path, number)
    except (pyarrow.ArrowException, OSError) as error:
        detail = str(error).splitlines()[0][:200]
        raise BadFile(f"The columnar file is damaged: {detail}", remedy="Write it again.") from error


def _iter_rows(path: Path, number: int) -> Iterator[Entry]:
    size, row_number = path.stat().st_size, 0
    for batch, total in _iter_batches(path):
        if row_number + batch.num_rows <= number:
            row_number += batch.num_rows
            continue
        for row in batch.to_pylist():
            row_number += 1
            if row_number > number:
                yield _build_entry(row_number, size * row_number // max(total, row_number), row)


def _iter_batches(path: Path) -> Iterator[tuple[Any, int]]:
    """Batches of rows, with the number of rows in the file, as far as it is known."""
    import pyarrow
    from pyarrow import ipc, parquet

    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(PARQUET):
        with closing(parquet.ParquetFile(path, pre_buffer=False)) as table:
            for batch in table.iter_batches(BATCH_ROWS, use_threads=False):
                yield batch, table.metadata.num_rows
        return
    with pyarrow.memory_map(str(path)) as source:
        if start.startswith(ARROW_FILE):
            reader = ipc.open_file(source)
            batches = map(reader.get_batch, range(reader.num_record_batches))
        else:
            batches = iter(ipc.open_stream(source))
        for batch in batches:
            for at in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(at, BATCH_ROWS), 0


def _build_entry(number: int, offset: int, row: dict[str, Any]) -> Entry:
    try:
        return Entry(number, offset, orjson.dumps(row, default=str))
    except (TypeError, ValueError) as error:
        raw = repr(row)[:500].encode("utf-8", "replace")
        return Entry(number, offset, raw, RecordError(f"It cannot be written as JSON: {error}.", ""))
