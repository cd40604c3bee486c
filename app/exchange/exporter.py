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
from app.exchange.exports.base import ExportFormat, ExportParameters
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
) -> None:
    """Note in the audit log who exported what. `actor` is None on the server's command line."""
    detail = {"rows": rows, "filters": parameters.to_json()}
    audit.record_event(db, actor, f"export.{format.id}", project.slug, detail, project_id=project.id)


def download(
    db: Session, project: Project, format: ExportFormat, parameters: ExportParameters, actor: User
) -> Response:
    """Recorded first, in the transaction of the request; sent in a transaction of its own."""
    record_export(db, project, format, parameters, actor, format.count(db, project.id, parameters))
    return build_attachment(_iter_rows(format, project.id, parameters), f"{project.slug}-{format.id}.jsonl")


def _iter_rows(format: ExportFormat, project_id: int, parameters: ExportParameters) -> Iterator[bytes]:
    with transaction() as db:
        yield from format.rows(db, project_id, parameters)


def build_attachment(lines: Iterator[bytes], filename: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


def write_rows(
    db: Session,
    project_id: int,
    format: ExportFormat,
    parameters: ExportParameters,
    out: IO[bytes],
    progress: Progress | None = None,
) -> Written:
    digest, total, lines = hashlib.sha256(), 0, 0
    for piece in format.rows(db, project_id, parameters):
        out.write(piece)
        digest.update(piece)
        total += len(piece)
        lines += piece.count(b"\n")
        if progress:
            progress(lines)
    return Written(lines, total, digest.hexdigest())


def write_file(
    db: Session,
    project_id: int,
    format: ExportFormat,
    parameters: ExportParameters,
    path: Path,
    progress: Progress | None = None,
) -> Written:
    """The complete file or none: written under a temporary name, then renamed."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise Invalid(f"Folder not found: {folder}.", remedy="Create it first, or choose another.")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            written = write_rows(db, project_id, format, parameters, out, progress)
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
