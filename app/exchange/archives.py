"""A data set as a zip archive, for browsers and programs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from fastapi.responses import FileResponse, Response
from pydantic import Field, create_model
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from app.accounts.models import User
from app.exchange import exporter
from app.exchange.data_set import write_data_set, write_zip
from app.exchange.exports.base import ExportFormat, ExportParameters, TableFormat
from app.exchange.file_types import get_file_type
from app.projects.models import Project
from app.settings import settings

LICENSE = Field("", max_length=100, title="License", description="License for the data card.")


def build_archive_parameters(format: ExportFormat) -> type[ExportParameters]:
    """The parameters of the format, with the license and the type of the files."""
    types: Any = Literal["parquet", "jsonl"] if isinstance(format, TableFormat) else Literal["jsonl"]
    file_type = Field(
        exporter.default_file_type(format).id, title="File type", description="Type of the files."
    )
    return create_model(
        f"{format.parameters.__name__}OfArchive",
        __base__=format.parameters,
        license=(str, LICENSE),
        file_type=(types, file_type),
    )


def download_archive(
    db: Session, project: Project, format: ExportFormat, chosen: Any, actor: User
) -> Response:
    """A data set in a zip archive. It is written to disk first, because its card holds the counts."""
    fields = chosen.model_dump(exclude={"license", "file_type"}, exclude_unset=True)
    parameters = format.parameters(**fields)
    parent = settings().home / "exports"
    parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=parent))
    try:
        name = f"{project.slug}-{format.id}"
        data_set = write_data_set(
            db, project, format, parameters, temporary / name,
            file_type=get_file_type(chosen.file_type), license=chosen.license,
        )  # fmt: skip
        write_zip(temporary / name, temporary / f"{name}.zip")
        exporter.record_export(db, project, format, parameters, actor, data_set.rows)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return FileResponse(
        temporary / f"{name}.zip",
        filename=f"{name}.zip",
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(shutil.rmtree, temporary, ignore_errors=True),
    )
