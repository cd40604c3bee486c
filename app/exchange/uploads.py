"""Uploaded files, streamed to disk, each in a folder of its own."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from app.core.errors import Invalid, NotFound, TooLarge
from app.exchange.models import Import
from app.settings import settings

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
CHUNK_SIZE = 1 << 20


def build_folder_path(project_id: int, token: str) -> Path:
    if not TOKEN.fullmatch(token):
        raise NotFound("Upload not found.", remedy="Upload the file again.")
    return settings().uploads_dir / str(project_id) / token


def get_upload(project_id: int, token: str) -> Path:
    folder_path = build_folder_path(project_id, token)
    path = (
        next((child for child in folder_path.iterdir() if child.is_file()), None)
        if folder_path.is_dir()
        else None
    )
    if path is None:
        raise NotFound(
            "Upload not found.", remedy="It may have been imported already. Upload the file again."
        )
    return path


def check_content_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > settings().upload_limit:
        raise build_too_large_error()
    if not length.isdigit() and request.headers.get("content-type", "").startswith("multipart/"):
        raise Invalid(
            "A form with a file needs a Content-Length header.",
            remedy="Send the header, or send the file as the request body.",
        )


def build_too_large_error() -> TooLarge:
    most = settings().upload_limit >> 20
    return TooLarge(
        f"The file is larger than {most:,} MB.",
        remedy="Use `stepmark import` on the server, or raise STEPMARK_UPLOAD_LIMIT.",
    )


async def receive_upload(
    request: Request, project_id: int, filename: str = ""
) -> tuple[str, Path, dict[str, Any]]:
    """Save the file of a request, sent in a form or as the body. Returns the token of the upload, its path,
    and the other fields of the form."""
    check_content_length(request)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        token, path = await save_upload(project_id, filename or "upload.jsonl", request.stream())
        return token, path, {}
    async with request.form(max_files=1, max_fields=20) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid("No file selected.", remedy="Select a file to import.")
        token, path = await save_upload(project_id, file.filename, _iter_chunks(file))
        return token, path, {key: value for key, value in form.items() if isinstance(value, str)}


async def _iter_chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(CHUNK_SIZE):
        yield piece


async def save_upload(project_id: int, filename: str, pieces: AsyncIterator[bytes]) -> tuple[str, Path]:
    token = secrets.token_urlsafe(18)
    place = build_folder_path(project_id, token)
    name = (
        re.sub(r"[^\w.-]+", "_", Path(filename.replace("\\", "/")).name).lstrip(".")[-120:] or "upload.jsonl"
    )
    path = place / name
    await run_in_threadpool(place.mkdir, mode=0o700, parents=True, exist_ok=True)
    total, most = 0, settings().upload_limit
    try:
        with path.open("wb") as out:
            async for piece in pieces:
                total += len(piece)
                if total > most:
                    raise build_too_large_error()
                await run_in_threadpool(out.write, piece)
        if not total:
            raise Invalid("The file is empty.", remedy="Select another file.")
    except BaseException:
        discard_upload(path)
        raise
    return token, path


def discard_upload(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def discard_imported(of: Import) -> None:
    """Delete an uploaded file that was imported without rejected records."""
    path = Path(of.path)
    if settings().uploads_dir.resolve() in path.parents and not of.counts.get("errors"):
        discard_upload(path)


ABANDONED_AFTER = dt.timedelta(days=2)


def delete_abandoned(db: Session, now: dt.datetime) -> int:
    """Delete files that were uploaded for a preview and never imported. Returns their number."""
    needed = set(db.scalars(select(Import.path).where(Import.state != "succeeded")))
    gone = 0
    for path in settings().uploads_dir.glob("*/*/*"):
        old = path.stat().st_mtime < (now - ABANDONED_AFTER).timestamp()
        if old and str(path.resolve()) not in needed:
            discard_upload(path)
            gone += 1
    return gone
