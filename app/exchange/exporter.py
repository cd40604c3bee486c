"""Exports as files, as attachments and as entries of the audit log, whatever their format."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fastapi.responses import Response, StreamingResponse
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.db import transaction
from app.core.errors import Invalid
from app.exchange.exports.base import ExportFormat, ExportParameters, TableFormat
from app.exchange.file_types import JSON_LINES, PARQUET, FileType, iter_encoded
from app.projects.models import Project

Progress = Callable[[int], None]


@dataclass
class Written:
    rows: int
    bytes: int
    sha256: str


def record_export(
    db: Session,
    project: Project,
    format: ExportFormat,
    parameters: ExportParameters,
    actor: User | None,
    rows: int,
    pushed_to: str = "",
) -> None:
    """Note in the audit log who exported what, and to where on the Hub. `actor` is None on the server's
    command line."""
    detail = {"rows": rows, "filters": parameters.to_json()} | ({"hub": pushed_to} if pushed_to else {})
    audit.record_event(db, actor, f"export.{format.id}", project.slug, detail, project_id=project.id)


def default_file_type(format: ExportFormat) -> FileType:
    """The type of the files of a data set."""
    return PARQUET if isinstance(format, TableFormat) else JSON_LINES


def require_file_type(format: ExportFormat, file_type: FileType) -> None:
    """Raise Invalid if the format has no columns, which other types than JSON Lines need."""
    if file_type is not JSON_LINES and not isinstance(format, TableFormat):
        raise Invalid(
            f"{format.label} cannot be exported as {file_type.label}: fields differ from row to row.",
            remedy="Choose JSON Lines, or export the labels as steps or trl-stepwise.",
        )


def download(
    db: Session,
    project: Project,
    format: ExportFormat,
    parameters: ExportParameters,
    actor: User,
    file_type: FileType = JSON_LINES,
) -> Response:
    """Recorded first, in the transaction of the request; sent in a transaction of its own."""
    require_file_type(format, file_type)
    record_export(db, project, format, parameters, actor, format.count(db, project.id, parameters))
    pieces = _iter_in_transaction(project.id, format, parameters, file_type)
    return build_attachment(pieces, f"{project.slug}-{format.id}.{file_type.id}", file_type.media_type)


def _iter_in_transaction(
    project_id: int, format: ExportFormat, parameters: ExportParameters, file_type: FileType
) -> Iterator[bytes]:
    with transaction() as db:
        for piece, _ in iter_pieces(db, project_id, format, parameters, file_type):
            yield piece


def iter_pieces(
    db: Session,
    project_id: int,
    format: ExportFormat,
    parameters: ExportParameters,
    file_type: FileType = JSON_LINES,
) -> Iterator[tuple[bytes, int]]:
    """The file in pieces of bounded size, each with the number of rows up to there."""
    require_file_type(format, file_type)
    if isinstance(format, TableFormat):
        rows = (record.values for record in format.records(db, project_id, parameters))
        yield from iter_encoded(file_type, format.columns, rows)
        return
    lines = 0
    for piece in format.rows(db, project_id, parameters):
        lines += piece.count(b"\n")
        yield piece, lines


def build_attachment(
    pieces: Iterator[bytes], filename: str, media_type: str = JSON_LINES.media_type
) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def write_rows(
    db: Session,
    project_id: int,
    format: ExportFormat,
    parameters: ExportParameters,
    out: IO[bytes],
    progress: Progress | None = None,
    file_type: FileType = JSON_LINES,
) -> Written:
    digest, total, rows = hashlib.sha256(), 0, 0
    for piece, rows in iter_pieces(db, project_id, format, parameters, file_type):
        out.write(piece)
        digest.update(piece)
        total += len(piece)
        if progress:
            progress(rows)
    return Written(rows, total, digest.hexdigest())


def write_file(
    db: Session,
    project_id: int,
    format: ExportFormat,
    parameters: ExportParameters,
    path: Path,
    progress: Progress | None = None,
    file_type: FileType = JSON_LINES,
) -> Written:
    """The complete file or none: written under a temporary name, then renamed."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise Invalid(f"Folder not found: {folder}.", remedy="Create it first, or choose another.")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            written = write_rows(db, project_id, format, parameters, out, progress, file_type)
            out.flush()
            os.fsync(out.fileno())
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(path)
        return written
    except BaseException:
        part.unlink(missing_ok=True)
        raise
