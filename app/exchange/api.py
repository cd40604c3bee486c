"""The JSON API of exchange."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from app.core.db import Db
from app.core.jobs import enqueue
from app.exchange import importer, rejected_records, sft, uploads, views
from app.exchange.filters import parse_filters
from app.exchange.models import Import
from app.exchange.views import Count, get_import, stream_prm800k, stream_sft
from app.projects.access import Access, ProjectAdmin

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["exchange"])
Words = Annotated[list[str] | None, Query()]
Number = Annotated[int, Query(ge=0, lt=2**62)]


def import_to_json(of: Import) -> dict[str, Any]:
    moments = {"created_at": of.created_at, "finished_at": of.finished_at}
    return {
        "id": of.id,
        "filename": of.filename,
        "format": of.format,
        "split": of.split,
        "segmentation": of.options.get("segmentation"),
        "state": of.state,
        "bytes_total": of.bytes_total,
        "bytes_done": of.bytes_done,
        "counts": of.counts,
        "error": of.error,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }


@router.post("/imports", status_code=202)
async def start_import(
    request: Request, db: Db, access: ProjectAdmin, format: str = "auto", split: str = "",
    segmentation: str = "", filename: str = "", grade: bool = True,
) -> Response:  # fmt: skip
    """The file as the body, or a form with `file`. Options in the query or the form."""
    _, path, fields = await uploads.receive_upload(request, access.project.id, filename)
    asked = {"format": format, "split": split, "segmentation": segmentation, **fields}
    try:
        answer = await run_in_threadpool(_create_import, db, access, path, asked, grade)
    except BaseException:
        uploads.discard_upload(path)
        raise
    return JSONResponse(answer, 202)


def _create_import(db: Db, access: Access, path: Any, asked: dict[str, str], grade: bool) -> dict[str, Any]:
    made = importer.create_import(
        db, access.project, path, format=asked["format"], split=asked["split"] or None,
        options={"segmentation": asked["segmentation"] or None, "grade": grade}, user_id=access.user.id,
    )  # fmt: skip
    enqueue(db, "exchange.import", import_id=made.id)
    return import_to_json(made)


@router.get("/imports")
def list_imports(db: Db, access: ProjectAdmin, before: Number | None = None) -> list[dict[str, Any]]:
    return [import_to_json(each) for each in views.list_imports(db, access, before)]


@router.get("/imports/{import_id}")
def show_import(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    return import_to_json(get_import(db, access, import_id))


@router.get("/imports/{import_id}/errors")
def list_rejected_records(import_id: int, db: Db, access: ProjectAdmin, after: Number = 0) -> dict[str, Any]:
    lines, more = rejected_records.list_rejected(db, get_import(db, access, import_id).id, after)
    found = [{"line": each.line, "message": each.message, "record": each.excerpt} for each in lines]
    return {"errors": found, "next": more}


@router.post("/imports/{import_id}/cancellation")
def cancel_import(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    found = get_import(db, access, import_id)
    importer.cancel_import(db, found)
    return import_to_json(found)


@router.post("/imports/{import_id}/resumption")
def resume_import(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    found = get_import(db, access, import_id)
    importer.resume_import(db, found)
    enqueue(db, "exchange.import", import_id=found.id)
    return import_to_json(found)


@router.get("/exports/prm800k")
def export_prm800k(
    db: Db, access: ProjectAdmin, generation: Words = None, kind: Words = None,
    finish_reason: Words = None, labeler: Words = None, notes: bool = False,
) -> Response:  # fmt: skip
    """PRM800K rows, streamed, one JSON object a line; with `notes=true` a field `notes` beside theirs."""
    return stream_prm800k(db, access, parse_filters(generation, kind, finish_reason, labeler, notes))


@router.get("/exports/sft")
def export_sft(
    db: Db, access: ProjectAdmin, which: str = "answer", split: str = "train", generator: str = "",
    per_problem: Count = 4, seed: Count = 0, prompt: str = "",
) -> Response:  # fmt: skip
    """Right solutions as `prompt` and `completion`, one step a line, streamed as JSON Lines."""
    chosen = sft.parse_filters(
        which=which, split=split, generator=generator, per_problem=per_problem, seed=seed, prompt=prompt
    )
    return stream_sft(db, access, chosen)
