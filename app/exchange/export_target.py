"""Where `stepmark export` writes to: a file, standard output, a folder, or the Hugging Face Hub."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from app.core.db import transaction
from app.core.parameters import validate_parameters
from app.core.startup import ready_database
from app.exchange import exporter, hub
from app.exchange.data_set import write_data_set
from app.exchange.exports.base import ExportFormat, ExportParameters
from app.exchange.file_types import FILE_TYPES, JSON_LINES, get_file_type
from app.exchange.progress_bar import progress_bar
from app.projects.projects import get_project_by_name


@dataclass(frozen=True)
class Target:
    """Where an export goes."""

    out: str | None
    file_type: str | None
    license: str
    push: str | None
    private: bool

    @property
    def is_folder(self) -> bool:
        """A name without a suffix is a folder, unless it is a file or device that exists."""
        if self.out in (None, "-"):
            return self.push is not None
        path = Path(str(self.out))
        return path.is_dir() or str(self.out).endswith(os.sep) or not (path.suffix or path.exists())


def export(format: ExportFormat, project_name: str, target: Target, values: dict[str, Any]) -> None:
    if target.out is None and target.push is None:
        raise typer.BadParameter("Name a file or folder with --out, or a data set with --push.")
    parameters = validate_parameters(format.parameters, values)
    with ready_database():
        (_export_data_set if target.is_folder else _export_file)(format, project_name, target, parameters)


def _export_file(
    format: ExportFormat, project_name: str, target: Target, parameters: ExportParameters
) -> None:
    if target.push is not None:
        raise typer.BadParameter("With --push, --out must be a folder.")
    path = Path(str(target.out))
    by_name = FILE_TYPES.get(path.suffix.removeprefix("."), JSON_LINES)
    file_type = get_file_type(target.file_type) if target.file_type else by_name
    exporter.require_file_type(format, file_type)
    with transaction() as db:
        project = get_project_by_name(db, project_name)
        with progress_bar("Exporting", format.count(db, project.id, parameters)) as update:
            write: Any = exporter.write_rows if target.out == "-" else exporter.write_file
            out = sys.stdout.buffer if target.out == "-" else path
            written = write(db, project.id, format, parameters, out, update, file_type)
        exporter.record_export(db, project, format, parameters, None, written.rows)
    count = describe_count(format, written.rows)
    typer.echo(f"{count}, {written.bytes:,} bytes, sha256 {written.sha256}", err=True)


def _export_data_set(
    format: ExportFormat, project_name: str, target: Target, parameters: ExportParameters
) -> None:
    file_type = get_file_type(target.file_type or exporter.default_file_type(format).id)
    if target.push is not None:
        hub.require_hub(target.push)
    with tempfile.TemporaryDirectory() as temporary, transaction() as db:
        folder = Path(target.out) if target.out else Path(temporary) / format.id
        project = get_project_by_name(db, project_name)
        with progress_bar("Exporting", format.count(db, project.id, parameters)) as update:
            data_set = write_data_set(
                db, project, format, parameters, folder, file_type=file_type, license=target.license,
                progress=update,
            )  # fmt: skip
        exporter.record_export(db, project, format, parameters, None, data_set.rows, target.push or "")
        for file in data_set.files:
            typer.echo(
                f"{file.name}: {file.rows:,} rows, {file.bytes:,} bytes, sha256 {file.sha256}", err=True
            )
        if target.push is not None:
            typer.echo(
                f"Pushed to {hub.push_data_set(folder, target.push, private=target.private)}", err=True
            )


def describe_count(format: ExportFormat, count: int) -> str:
    plural = format.unit.removesuffix("y") + "ies" if format.unit.endswith("y") else f"{format.unit}s"
    return f"{count:,} {plural}"
