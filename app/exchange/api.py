"""The JSON API of exchange."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from app.core.db import Db
from app.core.jobs import defer
from app.exchange import exporter, importer, rejected_records, sft, uploads
from app.exchange.models import Import
from app.exchange.views import Count, export, export_sft, import_of, newest
from app.projects.access import Access, ProjectAdmin

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["exchange"])
Words = Annotated[list[str] | None, Query()]
Number = Annotated[int, Query(ge=0, lt=2**62)]


def shown(of: Import) -> dict[str, Any]:
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
async def start(
    request: Request, db: Db, access: ProjectAdmin, format: str = "auto", split: str = "",
    segmentation: str = "", filename: str = "", grade: bool = True,
) -> Response:  # fmt: skip
    """The file as the body, or a form with `file`. Options in the query or the form."""
    _, path, fields = await uploads.receive(request, access.project.id, filename)
    asked = {"format": format, "split": split, "segmentation": segmentation, **fields}
    try:
        answer = await run_in_threadpool(_begin, db, access, path, asked, grade)
    except BaseException:
        uploads.discard(path)
        raise
    return JSONResponse(answer, 202)


def _begin(db: Db, access: Access, path: Any, asked: dict[str, str], grade: bool) -> dict[str, Any]:
    made = importer.begin(
        db, access.project, path, format=asked["format"], split=asked["split"] or None,
        options={"segmentation": asked["segmentation"] or None, "grade": grade}, user_id=access.user.id,
    )  # fmt: skip
    defer(db, "exchange.import", import_id=made.id)
    return shown(made)


@router.get("/imports")
def imports(db: Db, access: ProjectAdmin, before: Number | None = None) -> list[dict[str, Any]]:
    return [shown(each) for each in newest(db, access, before)]


@router.get("/imports/{import_id}")
def one(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    return shown(import_of(db, access, import_id))


@router.get("/imports/{import_id}/errors")
def error_lines(import_id: int, db: Db, access: ProjectAdmin, after: Number = 0) -> dict[str, Any]:
    lines, more = rejected_records.page(db, import_of(db, access, import_id).id, after)
    found = [{"line": each.line, "message": each.message, "record": each.excerpt} for each in lines]
    return {"errors": found, "next": more}


@router.post("/imports/{import_id}/cancellation")
def cancel(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    found = import_of(db, access, import_id)
    importer.cancel(db, found)
    return shown(found)


@router.post("/imports/{import_id}/resumption")
def resume(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    found = import_of(db, access, import_id)
    importer.resume(db, found)
    defer(db, "exchange.import", import_id=found.id)
    return shown(found)


@router.get("/exports/prm800k")
def prm800k(
    db: Db, access: ProjectAdmin, generation: Words = None, kind: Words = None,
    finish_reason: Words = None, labeler: Words = None, notes: bool = False,
) -> Response:  # fmt: skip
    """PRM800K rows, streamed, one JSON object a line; with `notes=true` a field `notes` beside theirs."""
    return export(db, access, exporter.filters(generation, kind, finish_reason, labeler, notes))


@router.get("/exports/sft")
def sft_lines(
    db: Db, access: ProjectAdmin, which: str = "answer", split: str = "train", generator: str = "",
    per_problem: Count = 4, seed: Count = 0, prompt: str = "",
) -> Response:  # fmt: skip
    """Right solutions as `prompt` and `completion`, one step a line, streamed as JSON Lines."""
    chosen = sft.filters(
        which=which, split=split, generator=generator, per_problem=per_problem, seed=seed, prompt=prompt
    )
    return export_sft(db, access, chosen)
