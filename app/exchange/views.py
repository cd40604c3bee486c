"""Pages of exchange: bring files in, take labels out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select

from app.core.db import Db, transaction
from app.core.errors import NotFound
from app.core.jobs import enqueue
from app.core.web import redirect, render, render_polled
from app.exchange import exporter, importer, rejected_records, sft, uploads
from app.exchange.filters import Filters, parse_filters
from app.exchange.formats import IMPORT_FORMATS
from app.exchange.formats.guess import guess_format
from app.exchange.models import Import
from app.exchange.preview import build_preview, suggest_choice
from app.problems.models import SPLITS
from app.problems.segmentation import SEGMENTATIONS
from app.projects.access import Access, ProjectAdmin

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
FINAL_STATES = ("succeeded", "failed", "cancelled")
Words = Annotated[list[str] | None, Query()]
Count = Annotated[int, Query(ge=0, lt=2**31)]


def get_import(db: Db, access: Access, import_id: int) -> Import:
    found = db.scalar(select(Import).where(Import.id == import_id, Import.project_id == access.project.id))
    if found is None:
        raise NotFound("There is no such import in this project.", remedy="Go back to the list of imports.")
    return found


def list_imports(db: Db, access: Access, before: int | None, limit: int = 30) -> list[Import]:
    chosen = select(Import).where(Import.project_id == access.project.id)
    if before is not None:
        chosen = chosen.where(Import.id < before)
    return list(db.scalars(chosen.order_by(Import.id.desc()).limit(limit)))


@router.get("/imports")
def show_imports(request: Request, db: Db, access: ProjectAdmin, before: int | None = None) -> Response:
    found = list_imports(db, access, before, limit=31)
    return render(
        request, "exchange/imports.html", imports=found[:30], formats=IMPORT_FORMATS,
        older=found[29].id if len(found) > 30 else None, first=before is None,
    )  # fmt: skip


@router.post("/uploads")
async def upload(request: Request, access: ProjectAdmin) -> Response:
    token, _, _ = await uploads.receive_upload(request, access.project.id)
    return redirect(f"{access.home}/uploads/{token}")


@router.get("/uploads/{token}")
def show_preview(
    request: Request, token: str, db: Db, access: ProjectAdmin,
    format: str = "auto", split: str = "", segmentation: str = "",
) -> Response:  # fmt: skip
    path = uploads.get_upload(access.project.id, token)
    guess = guess_format(path, format, split or None, segmentation or None, path.name)
    choice = guess if segmentation else suggest_choice(path, guess)
    return render(
        request, "exchange/preview.html", token=token, filename=path.name, choice=choice,
        found=build_preview(db, access.project.id, path, choice), formats=IMPORT_FORMATS, splits=SPLITS,
        segmentations=SEGMENTATIONS, reader=IMPORT_FORMATS[choice.format], is_suggested=choice != guess,
        asked={"format": format, "split": split, "segmentation": segmentation},
    )  # fmt: skip


@router.post("/imports")
def start_import(
    db: Db, access: ProjectAdmin, upload: Annotated[str, Form()],
    format: Annotated[str, Form()] = "auto", split: Annotated[str, Form()] = "",
    segmentation: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    path = uploads.get_upload(access.project.id, upload)
    made = importer.create_import(
        db, access.project, path, format=format, split=split or None,
        options={"segmentation": segmentation or None}, user_id=access.user.id,
    )  # fmt: skip
    enqueue(db, "exchange.import", import_id=made.id)
    return redirect(f"{access.home}/imports/{made.id}", f"{made.filename} is on its way in.")


@router.get("/imports/{import_id}")
def show_import(request: Request, import_id: int, db: Db, access: ProjectAdmin, after: int = 0) -> Response:
    found = get_import(db, access, import_id)
    lines, more = rejected_records.list_rejected(db, found.id, after)
    return render(
        request, "exchange/import.html", of=found, lines=lines, more=more, after=after,
        over=found.state in FINAL_STATES,
    )  # fmt: skip


@router.get("/imports/{import_id}/progress")
def show_progress(request: Request, import_id: int, db: Db, access: ProjectAdmin) -> Response:
    found = get_import(db, access, import_id)
    return render_polled(request, "exchange/_progress.html", of=found, over=found.state in FINAL_STATES)


@router.post("/imports/{import_id}/cancellation")
def cancel_import(import_id: int, db: Db, access: ProjectAdmin) -> Response:
    importer.cancel_import(db, get_import(db, access, import_id))
    return redirect(f"{access.home}/imports/{import_id}", "It stops after this batch.", "note")


@router.post("/imports/{import_id}/resumption")
def resume_import(import_id: int, db: Db, access: ProjectAdmin) -> Response:
    importer.resume_import(db, get_import(db, access, import_id))
    enqueue(db, "exchange.import", import_id=import_id)
    return redirect(f"{access.home}/imports/{import_id}", "The rest is on its way in.")


@router.get("/imports/{import_id}/errors.jsonl")
def download_rejected(import_id: int, db: Db, access: ProjectAdmin) -> Response:
    found = get_import(db, access, import_id)
    return build_attachment(rejected_records.iter_rejected_lines(found.id), f"import-{found.id}-errors.jsonl")


@router.get("/exports")
def show_exports(
    request: Request, db: Db, access: ProjectAdmin, generation: Words = None, kind: Words = None,
    finish_reason: Words = None, labeler: Words = None, notes: bool = False,
) -> Response:  # fmt: skip
    chosen = parse_filters(generation, kind, finish_reason, labeler, notes)
    part = request.headers.get("hx-request") == "true"
    return render(
        request, "exchange/_count.html" if part else "exchange/exports.html", chosen=chosen,
        count=exporter.count_rows(db, access.project.id, chosen), query=request.url.query,
        used={} if part else exporter.list_filter_options(db, access.project.id), which=sft.SOLUTION_FILTERS,
    )  # fmt: skip


@router.get("/exports/prm800k.jsonl")
def download_prm800k(
    db: Db, access: ProjectAdmin, generation: Words = None, kind: Words = None,
    finish_reason: Words = None, labeler: Words = None, notes: bool = False,
) -> Response:  # fmt: skip
    chosen = parse_filters(generation, kind, finish_reason, labeler, notes)
    return stream_prm800k(db, access, chosen)


def stream_prm800k(db: Db, access: Access, chosen: Filters) -> Response:
    """Noted first, in the request's transaction; sent in one of its own."""
    rows = exporter.count_rows(db, access.project.id, chosen)
    exporter.record_export(db, access.project, "export.prm800k", chosen.to_json(), access.user, rows)
    return build_attachment(
        _iter_prm800k_pages(access.project.id, chosen), f"{access.project.slug}-prm800k.jsonl"
    )


def _iter_prm800k_pages(project_id: int, chosen: Filters) -> Iterator[bytes]:
    with transaction() as db:
        yield from exporter.iter_pages(db, project_id, chosen)


@router.get("/exports/sft.jsonl")
def download_sft(
    db: Db, access: ProjectAdmin, which: str = "answer", split: str = "train", generator: str = "",
    per_problem: Count = 4, seed: Count = 0, prompt: str = "",
) -> Response:  # fmt: skip
    chosen = sft.parse_filters(
        which=which, split=split, generator=generator, per_problem=per_problem, seed=seed, prompt=prompt
    )
    return stream_sft(db, access, chosen)


def stream_sft(db: Db, access: Access, chosen: sft.Filters) -> Response:
    rows = sft.count_lines(db, access.project.id, chosen)
    exporter.record_export(db, access.project, "export.sft", chosen.to_json(), access.user, rows)
    return build_attachment(_iter_sft_lines(access.project.id, chosen), f"{access.project.slug}-sft.jsonl")


def _iter_sft_lines(project_id: int, chosen: sft.Filters) -> Iterator[bytes]:
    with transaction() as db:
        yield from sft.iter_lines(db, project_id, chosen)


def build_attachment(lines: Iterator[bytes], filename: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)
