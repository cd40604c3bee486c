"""Imports: `create_import` queues a file, `run_import` imports it, or the rest of it.

Lines go in by batches, each in one transaction that also moves `bytes_done` and
`lines_done` on: an import killed anywhere goes on behind its last batch, and every line is
in once. A line that cannot go in is kept with its reason and stops nothing else."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core import run_lifecycle, run_worker
from app.core.db import transaction
from app.core.errors import Conflict, Invalid
from app.core.jobs import stop_requested
from app.core.run_kinds import RunKind, register
from app.exchange.field_mapping import FieldMapping
from app.exchange.file_reader import iter_entries
from app.exchange.file_stream import Entry, unpacked_size
from app.exchange.formats.base import ParseContext
from app.exchange.formats.registry import parse_record
from app.exchange.import_config import ImportConfig
from app.exchange.json_decoding import RecordError
from app.exchange.load_batch import Batch, insert_batch
from app.exchange.models import Import
from app.exchange.preview import describe_start
from app.exchange.records import ImportedRecord
from app.exchange.saved_mappings import choose_format, save_mapping
from app.projects.models import Project

BATCH_LINES = 2000
BATCH_BYTES = 8 << 20
MAX_STORED_REJECTED = 10_000
EXCERPT_LENGTH = 2000
COUNTS = (
    "lines", "problems", "solutions", "labels", "duplicates", "updated", "errors", "split_conflicts",
    "other_split",
)  # fmt: skip
Progress = Callable[[Import], None]


class ImportKind(RunKind[Import]):
    name = "import"
    label = "Import"
    noun = "import"
    table = Import
    executor = "app.exchange.import_job:run"
    page = "/imports/{id}"
    role = "admin"
    in_worker = True
    cancels_gracefully = True
    """After the batch that is on its way."""

    def job_lock(self, run: Import) -> str:
        return f"import-{run.id}"

    def validate(self, db: Session, run: Import) -> None:
        if not Path(run.path).is_file():
            raise Invalid(f"There is no file {run.path}.", remedy="Check the path.")
        run.config = run.parsed_config.to_json()


KIND = register(ImportKind())
T = TypeVar("T")


@dataclass(slots=True)
class ParsedEntry:
    entry: Entry
    record: ImportedRecord | RecordError


def create_import(
    db: Session,
    project: Project,
    path: Path | str,
    *,
    format: str = "auto",
    split: str | None = None,
    filename: str | None = None,
    mapping: FieldMapping | None = None,
    mapping_name: str | None = None,
    config: ImportConfig | None = None,
    user_id: int | None = None,
    enqueue: bool = False,
) -> Import:
    """An import, queued; nothing is read of the file but its start. Without `enqueue` the caller runs it.
    A mapping with a name is saved; a name alone selects a saved one."""
    path = Path(path)
    config = config or ImportConfig()
    chosen, used_name = choose_format(
        db, project.id, path, format=format, split=split, segmentation=config.segmentation,
        filename=filename or path.name, mapping=mapping, mapping_name=mapping_name or None,
    )  # fmt: skip
    if mapping is not None and mapping_name:
        save_mapping(db, project.id, mapping_name, mapping, user_id)
    config = ImportConfig(
        segmentation=chosen.segmentation, split_requested=bool(chosen.split_requested), grade=config.grade,
        mapping=chosen.mapping or None, mapping_name=used_name if chosen.mapping else None,
        notices=tuple(describe_start(path, chosen, is_chosen=bool(config.segmentation))),
    )  # fmt: skip
    of = Import(
        project_id=project.id,
        filename=(filename or path.name)[:300],
        path=str(path.resolve()),
        format=chosen.format,
        split=chosen.split,
        config=config.to_json(),
        bytes_total=unpacked_size(path),
        counts=dict.fromkeys(COUNTS, 0),
        created_by=user_id,
    )
    return run_lifecycle.create_run(db, of, enqueue=enqueue)


def find_resumable_import(
    db: Session,
    project: Project,
    path: Path,
    format: str,
    split: str | None,
    segmentation: str | None,
    mapping: FieldMapping | None = None,
) -> Import | None:
    """The unfinished import of the same file with the same options, to be resumed."""
    if not path.is_file():
        return None
    row = db.scalar(
        select(Import)
        .where(Import.project_id == project.id, Import.path == str(path.resolve()))
        .order_by(Import.id.desc())
        .limit(1)
    )
    if row is None or row.state not in ("running", "failed"):
        return None
    modified = path.stat().st_mtime
    same = (
        row.bytes_total == unpacked_size(path)
        and modified <= row.created_at.timestamp()
        and format in ("auto", row.format)
        and split in (None, row.split)
        and segmentation in (None, row.parsed_config.segmentation)
        and mapping in (None, row.parsed_config.mapping)
    )
    return row if same else None


def run_import(import_id: int, progress: Progress | None = None) -> Import:
    """Import what is not in yet, here and now, however often that was tried. In transactions of its own."""
    with transaction() as db:
        run = run_lifecycle.lock_run(db, import_id, Import)
        if run is None:
            raise Invalid(f"Import {import_id} not found.", remedy="It may have been removed.")
        if run.state == "running":
            reason = "The process of the import is gone."
            run_lifecycle.record_failure(db, import_id, run.fence, reason, enqueue=False)
        if run.state == "failed":
            run_lifecycle.resume_run(db, run, None, enqueue=False)
        attempt = run_lifecycle.start_attempt(db, import_id, Import)
    if attempt is not None:
        run_worker.record_errors(attempt, lambda of: import_file(of, progress), KIND)
    with transaction() as db:
        return db.get_one(Import, import_id)


def import_file(of: Import, progress: Progress | None = None) -> None:
    """The rest of the file, batch by batch."""
    try:
        with infrequent_garbage_collection():
            for batch in iter_prefetched(iter_batches(of)):
                of = commit_batch(of, batch)
                if progress:
                    progress(of)
                if of.state != "running":
                    return
                if stop_requested.is_set():
                    raise run_worker.Stopped
    except OSError as error:
        raise Conflict(str(error)) from error
    with transaction() as db:
        row = run_worker.require_attempt(db, of, Import)
        row.bytes_done = max(row.bytes_done, row.bytes_total)
        run_lifecycle.record_success(db, of.id, of.fence)


@contextmanager
def infrequent_garbage_collection() -> Iterator[None]:
    """Records contain no cycles. The cycle collector took 40 % of the processor time of an import,
    because it visited the records of every batch."""
    before = gc.get_threshold()
    gc.set_threshold(500_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def iter_batches(of: Import) -> Iterator[list[ParsedEntry]]:
    batch: list[ParsedEntry] = []
    size = 0
    config = of.parsed_config
    context = ParseContext(config.segmentation or "", config.split_requested, config.mapping)
    for entry in iter_entries(Path(of.path), offset=of.bytes_done, number=of.lines_done):
        batch.append(ParsedEntry(entry, _parse_entry(of.format, entry, context)))
        size += len(entry.raw)
        if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def iter_prefetched(items: Iterator[T]) -> Iterator[T]:
    """Prepares the next item while the current one is used: records are read while the database writes."""
    with ThreadPoolExecutor(1, "import") as maker:
        waiting = maker.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = maker.submit(next, items, None)
            yield item


def _parse_entry(format: str, entry: Entry, context: ParseContext) -> ImportedRecord | RecordError:
    if entry.error is not None:
        return entry.error
    try:
        return parse_record(format, entry.raw, context)
    except RecordError as bad:
        return bad


def commit_batch(of: Import, batch: list[ParsedEntry]) -> Import:
    """Commit one batch. If the database refuses it, commit it in parts, down to single records."""
    try:
        with transaction() as db:
            return _write_batch(db, of, batch)
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded) as error:
        return _commit_halves(of, batch, error)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.DataError | psycopg.IntegrityError):
            return _commit_halves(of, batch, error.orig)
        raise


def _commit_halves(of: Import, batch: list[ParsedEntry], error: psycopg.Error) -> Import:
    if len(batch) == 1:
        detail = (error.diag.message_primary or str(error)).strip()
        bad = RecordError(f"The database rejected it: {detail[:300]}.")
        return commit_batch(of, [ParsedEntry(batch[0].entry, bad)])
    middle = len(batch) // 2
    of = commit_batch(of, batch[:middle])
    return commit_batch(of, batch[middle:]) if of.state == "running" else of


def _write_batch(db: Session, of: Import, batch: list[ParsedEntry]) -> Import:
    db.execute(text("SELECT pg_advisory_xact_lock(hashtext('import'), :project)"), {"project": of.project_id})
    row = run_worker.require_attempt(db, of, Import)
    if row.cancel_requested_at is not None:
        run_lifecycle.record_failure(db, row.id, row.fence, "cancelled")
        return row
    row.heartbeat_at = run_lifecycle.now()
    good = [(p.entry.number, p.record) for p in batch if isinstance(p.record, ImportedRecord)]
    loaded = Batch(
        row.project_id, row.split, row.format, good,
        source_name=row.parsed_config.mapping_name or row.format,
        split_requested=row.parsed_config.split_requested,
    )  # fmt: skip
    connection = db.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    insert_batch(connection, loaded)
    bad = [(p.entry.number, p.record) for p in batch if isinstance(p.record, RecordError)] + loaded.rejected
    _store_rejected(db, row, bad, {p.entry.number: p.entry.raw for p in batch})
    counts = Counter(row.counts)
    counts.update(loaded.counts)
    counts.update(lines=len(batch), errors=len(bad))
    row.counts = {name: counts[name] for name in COUNTS}
    row.bytes_done, row.lines_done = batch[-1].entry.end, batch[-1].entry.number
    return row


def _store_rejected(
    db: Session, of: Import, bad: list[tuple[int, RecordError]], raw: dict[int, bytes]
) -> None:
    room = max(0, MAX_STORED_REJECTED - of.counts.get("errors", 0))
    rows = [
        {
            "import": of.id,
            "line": line,
            "message": str(error).replace("\0", ""),
            "excerpt": raw[line][:EXCERPT_LENGTH].decode("utf-8", "replace").replace("\0", "�"),
        }
        for line, error in sorted(bad, key=lambda pair: pair[0])[:room]
    ]
    if rows:
        db.execute(
            text(
                "INSERT INTO import_error (import_id, line, message, excerpt)"
                " VALUES (:import, :line, :message, :excerpt) ON CONFLICT DO NOTHING"
            ),
            rows,
        )
