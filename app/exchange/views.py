"""Pages of imports and exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session
from starlette.datastructures import MultiDict, QueryParams

from app.core.db import Db
from app.core.parameters import checks_own_query, parse_parameters
from app.core.web import redirect, render, render_polled
from app.exchange import archives, exporter, importer, mapping_form, queries, rejected_records, uploads
from app.exchange.export_form import build_form
from app.exchange.exports import EXPORT_FORMATS
from app.exchange.exports.base import ExportFormat, ExportParameters, TableFormat
from app.exchange.exports.registry import get_export_format
from app.exchange.field_mapping import parse_mapping
from app.exchange.file_types import FILE_TYPES, JSON_LINES, FileType
from app.exchange.formats import IMPORT_FORMATS, mapped
from app.exchange.import_config import ImportConfig
from app.exchange.preview_page import build_preview_page
from app.problems.models import SPLITS
from app.problems.segmentation import SEGMENTATIONS
from app.projects.access import ProjectAdmin
from app.runs import actions

PREFIX = "/projects/{slug}"
MAX_COUNTED = 100_000
"""The Export page counts the rows of a table up to here."""
router = APIRouter(prefix=PREFIX, include_in_schema=False)
FINAL_STATES = ("succeeded", "failed", "cancelled")


@router.get("/imports")
def show_imports(request: Request, db: Db, access: ProjectAdmin, before: int | None = None) -> Response:
    rows = queries.list_imports(db, access.project.id, before, limit=31)
    return render(
        request, "exchange/imports.html", imports=rows[:30], formats=IMPORT_FORMATS,
        older=rows[29].id if len(rows) > 30 else None, first=before is None,
    )  # fmt: skip


@router.post("/uploads")
async def upload(request: Request, access: ProjectAdmin) -> Response:
    token, _, _ = await uploads.receive_upload(request, access.project.id)
    return redirect(f"{access.home}/uploads/{token}")


@router.get("/uploads/{token}")
@checks_own_query
def show_preview(
    request: Request, token: str, db: Db, access: ProjectAdmin,
    format: str = "auto", split: str = "", segmentation: str = "", mapping: str = "",
) -> Response:  # fmt: skip
    """The first records as they would be imported. A file of no format leads to the form of the mapping."""
    path = uploads.get_upload(access.project.id, token)
    fields = mapping_form.read_fields(request.query_params) if format == mapped.FORMAT.id else {}
    page = build_preview_page(
        db, access.project.id, path, fields, mapping, format=format, split=split, segmentation=segmentation
    )
    return render(
        request, "exchange/preview.html", token=token, filename=path.name, formats=IMPORT_FORMATS,
        splits=SPLITS, segmentations=SEGMENTATIONS, page=page, choice=page.choice, preview=page.preview,
        reader=page.choice and IMPORT_FORMATS[page.choice.format], is_suggested=page.is_suggested,
        mapped_format=mapped.FORMAT.id,
        requested={"format": format, "split": split, "segmentation": segmentation},
    )  # fmt: skip


@router.post("/imports")
def start_import(
    db: Db, access: ProjectAdmin, upload: Annotated[str, Form()],
    format: Annotated[str, Form()] = "auto", split: Annotated[str, Form()] = "",
    segmentation: Annotated[str, Form()] = "", map: Annotated[str, Form()] = "",
    mapping: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    path = uploads.get_upload(access.project.id, upload)
    created = importer.create_import(
        db, access.project, path, format=format, split=split or None,
        config=ImportConfig(segmentation=segmentation or None), user_id=access.user.id, enqueue=True,
        mapping=parse_mapping(map) if map else None, mapping_name=mapping.strip() or None,
    )  # fmt: skip
    return redirect(f"{access.home}/imports/{created.id}", "Import started.")


@router.get("/imports/{import_id}")
def show_import(request: Request, import_id: int, db: Db, access: ProjectAdmin, after: int = 0) -> Response:
    row = queries.get_import(db, access.project.id, import_id)
    lines, more = rejected_records.list_rejected(db, row.id, after)
    return render(
        request, "exchange/import.html", of=row, lines=lines, more=more, after=after,
        over=row.state in FINAL_STATES,
    )  # fmt: skip


@router.get("/imports/{import_id}/progress")
def show_progress(request: Request, import_id: int, db: Db, access: ProjectAdmin) -> Response:
    row = queries.get_import(db, access.project.id, import_id)
    return render_polled(request, "exchange/_progress.html", of=row, over=row.state in FINAL_STATES)


@router.post("/imports/{import_id}/cancellation")
def cancel_import(import_id: int, db: Db, access: ProjectAdmin) -> Response:
    actions.cancel_run(db, queries.get_import(db, access.project.id, import_id), access.user)
    return redirect(f"{access.home}/imports/{import_id}", "Cancelling after this batch.", "note")


@router.post("/imports/{import_id}/resumption")
def resume_import(import_id: int, db: Db, access: ProjectAdmin) -> Response:
    actions.resume_run(db, queries.get_import(db, access.project.id, import_id), access.user)
    return redirect(f"{access.home}/imports/{import_id}", "Import resumed.")


@router.get("/imports/{import_id}/errors.jsonl")
def download_rejected(import_id: int, db: Db, access: ProjectAdmin) -> Response:
    row = queries.get_import(db, access.project.id, import_id)
    return exporter.build_attachment(
        rejected_records.iter_rejected_lines(row.id), f"import-{row.id}-errors.jsonl"
    )


@router.get("/exports")
def show_exports(request: Request, db: Db, access: ProjectAdmin) -> Response:
    """All formats, each with its form. `format` names the one that the other parameters belong to; htmx asks
    for its download button alone."""
    values = MultiDict(request.query_params)
    chosen = get_export_format(values.pop("format", next(iter(EXPORT_FORMATS))))
    parameters = parse_parameters(chosen.parameters, QueryParams(values.multi_items()))
    if request.headers.get("hx-request") == "true":
        return render(
            request, "exchange/_download.html", item=_build_item(db, access.project.id, chosen, parameters)
        )
    items = [
        _build_item(
            db, access.project.id, format, parameters if format is chosen else format.parameters(), form=True
        )
        for format in EXPORT_FORMATS.values()
    ]
    return render(request, "exchange/exports.html", items=items)


def _build_item(
    db: Session, project_id: int, format: ExportFormat, parameters: ExportParameters, *, form: bool = False
) -> dict[str, Any]:
    fields = build_form(format, parameters, format.options(db, project_id)) if form else []
    most = (MAX_COUNTED + 1,) if isinstance(format, TableFormat) else ()
    count = format.count(db, project_id, parameters, *most)
    query = urlencode(parameters.to_json(), doseq=True).replace("=True", "=true")
    return {
        "format": format,
        "fields": fields,
        "count": count,
        "amount": describe_amount(format, count),
        "query": query,
        "file_types": list_file_types(format)[1:],
        "fields_sent": parse_qsl(query),
    }


def describe_amount(format: ExportFormat, count: int) -> str:
    unit = format.unit
    plural = f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"
    if count > MAX_COUNTED and isinstance(format, TableFormat):
        return f"more than {MAX_COUNTED:,} {plural}"
    return f"{count:,} {unit if count == 1 else plural}"


def build_router() -> APIRouter:
    """The routes of this slice, with a download of every export format that is registered."""
    complete = APIRouter()
    complete.include_router(router)
    downloads = APIRouter(prefix=PREFIX, include_in_schema=False)
    for format in EXPORT_FORMATS.values():
        for file_type in list_file_types(format):
            path = f"/exports/{format.id}.{file_type.id}"
            downloads.add_api_route(path, _build_download(format, file_type))
        downloads.add_api_route(f"/exports/{format.id}.zip", _build_archive_download(format))
    complete.include_router(downloads)
    return complete


def list_file_types(format: ExportFormat) -> list[FileType]:
    return list(FILE_TYPES.values()) if isinstance(format, TableFormat) else [JSON_LINES]


def _build_download(format: ExportFormat, file_type: FileType) -> Callable[..., Response]:
    def download(request: Request, db: Db, access: ProjectAdmin) -> Response:
        parameters = parse_parameters(format.parameters, request.query_params)
        return exporter.download(db, access.project, format, parameters, access.user, file_type)

    return download


def _build_archive_download(format: ExportFormat) -> Callable[..., Response]:
    chosen_parameters = archives.build_archive_parameters(format)

    def download(request: Request, db: Db, access: ProjectAdmin) -> Response:
        chosen = parse_parameters(chosen_parameters, request.query_params)
        return archives.download_archive(db, access.project, format, chosen, access.user)

    return download
