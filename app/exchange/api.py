"""The JSON API of exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from app.core.db import Db
from app.exchange import archives, exporter, importer, queries, rejected_records, uploads
from app.exchange.exports import EXPORT_FORMATS
from app.exchange.exports.base import ExportFormat, ExportParameters, TableFormat
from app.exchange.field_mapping import parse_mapping
from app.exchange.file_types import FILE_TYPES, JSON_LINES, FileType
from app.exchange.models import Import
from app.projects.access import Access, ProjectAdmin
from app.runs import actions

PREFIX = "/api/v1/projects/{slug}"
router = APIRouter(prefix=PREFIX, tags=["exchange"])
Number = Annotated[int, Query(ge=0, lt=2**62)]


def import_to_json(of: Import) -> dict[str, Any]:
    moments = {"created_at": of.created_at, "finished_at": of.finished_at}
    return {
        "id": of.id,
        "filename": of.filename,
        "format": of.format,
        "split": of.split,
        "segmentation": of.options.get("segmentation"),
        "mapping": of.options.get("mapping"),
        "mapping_name": of.options.get("mapping_name"),
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
    segmentation: str = "", filename: str = "", grade: bool = True, map: str = "", mapping: str = "",
) -> Response:  # fmt: skip
    """Import a file, sent as the request body or in the form field `file`, with options in the query or
    the form. `map` names the fields of any file (`problem=question,steps=completions`); `mapping` saves
    them under a name, or selects a saved mapping."""
    _, path, fields = await uploads.receive_upload(request, access.project.id, filename)
    options = {
        "format": format, "split": split, "segmentation": segmentation, "map": map, "mapping": mapping,
        **fields,
    }  # fmt: skip
    try:
        answer = await run_in_threadpool(_create_import, db, access, path, options, grade)
    except BaseException:
        uploads.discard_upload(path)
        raise
    return JSONResponse(answer, 202)


def _create_import(db: Db, access: Access, path: Any, options: dict[str, str], grade: bool) -> dict[str, Any]:
    created = importer.create_import(
        db, access.project, path, format=options["format"], split=options["split"] or None,
        options={"segmentation": options["segmentation"] or None, "grade": grade}, user_id=access.user.id,
        mapping=parse_mapping(options["map"]) if options["map"] else None, mapping_name=options["mapping"],
        enqueue=True,
    )  # fmt: skip
    return import_to_json(created)


@router.get("/imports")
def list_imports(db: Db, access: ProjectAdmin, before: Number | None = None) -> list[dict[str, Any]]:
    return [import_to_json(row) for row in queries.list_imports(db, access.project.id, before)]


@router.get("/imports/{import_id}")
def get_import(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    return import_to_json(queries.get_import(db, access.project.id, import_id))


@router.get("/imports/{import_id}/errors")
def list_rejected_records(import_id: int, db: Db, access: ProjectAdmin, after: Number = 0) -> dict[str, Any]:
    lines, more = rejected_records.list_rejected(
        db, queries.get_import(db, access.project.id, import_id).id, after
    )
    rejected = [
        {"line": record.line, "message": record.message, "record": record.excerpt} for record in lines
    ]
    return {"errors": rejected, "next": more}


@router.post("/imports/{import_id}/cancellation")
def cancel_import(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    row = queries.get_import(db, access.project.id, import_id)
    return import_to_json(actions.cancel_run(db, row, access.user))


@router.post("/imports/{import_id}/resumption")
def resume_import(import_id: int, db: Db, access: ProjectAdmin) -> dict[str, Any]:
    row = queries.get_import(db, access.project.id, import_id)
    return import_to_json(actions.resume_run(db, row, access.user))


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
    )


def build_router() -> APIRouter:
    """The routes of this slice, with those of every export format that is registered."""
    complete = APIRouter()
    complete.include_router(router)
    exports = APIRouter(prefix=PREFIX, tags=["exchange"])
    add_export_routes(exports)
    complete.include_router(exports)
    return complete
