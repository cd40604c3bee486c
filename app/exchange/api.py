"""The JSON API of exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from app.core.api import Cursor, load_page
from app.core.db import Db
from app.core.parameters import require_known, validate_parameters
from app.exchange import archives, exporter, importer, queries, rejected_records, uploads
from app.exchange.api_models import (
    ImportOut,
    ImportPage,
    ImportParameters,
    RejectedRecordOut,
    RejectedRecordPage,
    build_import,
)
from app.exchange.exports import EXPORT_FORMATS
from app.exchange.exports.base import ExportFormat, ExportParameters, TableFormat
from app.exchange.field_mapping import parse_mapping
from app.exchange.file_types import FILE_TYPES, JSON_LINES, FileType
from app.exchange.import_config import ImportConfig
from app.exchange.models import Import
from app.projects.access import Access, ProjectAdmin
from app.runs import actions

PREFIX = "/api/v1/projects/{slug}"
router = APIRouter(prefix=PREFIX, tags=["exchange"])
FILE = {"type": "string", "format": "binary", "description": "The file, plain or gzipped."}
UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "title": "ImportUpload",
                "type": "object",
                "properties": {"file": FILE},
                "required": ["file"],
            }
        },
        "application/octet-stream": {"schema": FILE},
    },
}


@router.post(
    "/imports",
    status_code=202,
    summary="Import a file",
    response_model=ImportOut,
    openapi_extra={"requestBody": UPLOAD},
)
async def start_import(
    request: Request, db: Db, access: ProjectAdmin, parameters: Annotated[ImportParameters, Query()]
) -> ImportOut:
    """Send the file in the form field `file` or as the request body. A form may carry the parameters too."""
    _, path, fields = await uploads.receive_upload(request, access.project.id, parameters.filename)
    try:
        require_known(fields, ImportParameters.model_fields)
        complete = validate_parameters(ImportParameters, {**dict(parameters), **fields})
        return await run_in_threadpool(_create_import, db, access, path, complete)
    except BaseException:
        uploads.discard_upload(path)
        raise


def _create_import(db: Db, access: Access, path: Path, parameters: ImportParameters) -> ImportOut:
    config = ImportConfig(segmentation=parameters.segmentation or None, grade=parameters.grade)
    created = importer.create_import(
        db, access.project, path, format=parameters.format, split=parameters.split or None, config=config,
        mapping=parse_mapping(parameters.map) if parameters.map else None, mapping_name=parameters.mapping,
        user_id=access.user.id, enqueue=True,
    )  # fmt: skip
    db.refresh(created)
    return build_import(created)


@router.get("/imports", summary="List imports")
def list_imports(db: Db, access: ProjectAdmin, cursor: Cursor = None) -> ImportPage:
    query = select(Import).where(Import.project_id == access.project.id)
    page, next_cursor = load_page(db, query, Import.id, cursor)
    return ImportPage(imports=[build_import(row) for row in page], next_cursor=next_cursor)


@router.get("/imports/{import_id}", summary="Get an import")
def get_import(import_id: int, db: Db, access: ProjectAdmin) -> ImportOut:
    return build_import(queries.get_import(db, access.project.id, import_id))


@router.get("/imports/{import_id}/errors", summary="List the rejected records of an import")
def list_rejected_records(
    import_id: int, db: Db, access: ProjectAdmin, cursor: Cursor = None
) -> RejectedRecordPage:
    row = queries.get_import(db, access.project.id, import_id)
    records, next_cursor = rejected_records.list_rejected(db, row.id, cursor or 0)
    rejected = [RejectedRecordOut.build(record, record=record.excerpt) for record in records]
    return RejectedRecordPage(errors=rejected, next_cursor=next_cursor)


@router.post("/imports/{import_id}/cancellation", summary="Cancel an import after its current batch")
def cancel_import(import_id: int, db: Db, access: ProjectAdmin) -> ImportOut:
    row = queries.get_import(db, access.project.id, import_id)
    return build_import(actions.cancel_run(db, row, access.user))


@router.post("/imports/{import_id}/resumption", summary="Resume an import behind its last batch")
def resume_import(import_id: int, db: Db, access: ProjectAdmin) -> ImportOut:
    row = queries.get_import(db, access.project.id, import_id)
    return build_import(actions.resume_run(db, row, access.user))


def add_export_routes(target: APIRouter) -> None:
    """One typed operation for each export format, and another for each further type of file."""
    for format in EXPORT_FORMATS.values():
        name = f"export_{format.id.replace('-', '_')}"
        _add_route(target, format, JSON_LINES, f"/exports/{format.id}", name)
        if isinstance(format, TableFormat):
            for file_type in FILE_TYPES.values():
                path = f"/exports/{format.id}.{file_type.id}"
                _add_route(target, format, file_type, path, f"{name}_{file_type.id}")
        _add_archive_route(target, format, f"{name}_zip")


def _add_route(target: APIRouter, format: ExportFormat, file_type: FileType, path: str, name: str) -> None:
    target.add_api_route(
        path,
        _build_export_endpoint(format, file_type),
        summary=f"Export {format.label} as {file_type.label}",
        description=f"{format.description} Streamed as {file_type.label}.",
        operation_id=name,
        response_class=Response,
        responses=_describe_file(file_type.label, file_type.media_type),
    )


def _build_export_endpoint(format: ExportFormat, file_type: FileType) -> Callable[..., Response]:
    def export(db: Db, access: ProjectAdmin, parameters: ExportParameters) -> Response:
        return exporter.download(db, access.project, format, parameters, access.user, file_type)

    export.__annotations__["parameters"] = Annotated[format.parameters, Query()]
    return export


def _add_archive_route(target: APIRouter, format: ExportFormat, name: str) -> None:
    def export(db: Db, access: ProjectAdmin, chosen: ExportParameters) -> Response:
        return archives.download_archive(db, access.project, format, chosen, access.user)

    export.__annotations__["chosen"] = Annotated[archives.build_archive_parameters(format), Query()]
    target.add_api_route(
        f"/exports/{format.id}.zip",
        export,
        summary=f"Export {format.label} as a data set",
        description=f"{format.description} A zip archive with a file for each split, a card and checksums.",
        operation_id=name,
        response_class=Response,
        responses=_describe_file("Zip archive", "application/zip"),
    )


def _describe_file(label: str, media_type: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": f"{label}.", "content": content}}


def build_router() -> APIRouter:
    """The routes of this slice, with those of every export format that is registered."""
    complete = APIRouter()
    complete.include_router(router)
    exports = APIRouter(prefix=PREFIX, tags=["exchange"])
    add_export_routes(exports)
    complete.include_router(exports)
    return complete
