"""`stepmark export`: one command for each export format, with an option for each of its parameters.

The formats are loaded when a command of the group is looked up, so that other commands start quickly."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.projects.commands import ProjectName

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from app.exchange.exports.base import ExportFormat

OLD_NAMES = {"revisions": "revision-data"}
Out = Annotated[
    str,
    typer.Option(
        "--out",
        help="File to write, or - for standard output. A name in .parquet is written as Parquet.",
    ),
]


class ExportGroup(TyperGroup):
    """A group whose commands are the registered formats, and hidden under their old names."""

    @property
    def commands(self) -> dict[str, Any]:
        from app.exchange.exports import EXPORT_FORMATS

        return {format.id: build_command(format) for format in EXPORT_FORMATS.values()}

    @commands.setter
    def commands(self, value: MutableMapping[str, Any]) -> None:
        """The group itself has no commands of its own."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self.commands.get(OLD_NAMES.get(cmd_name, cmd_name))


def build_command(format: ExportFormat) -> Any:
    single = typer.Typer(add_completion=False)
    single.command(format.id, help=format.description)(_build_function(format))
    return typer.main.get_command(single)


def _build_function(format: ExportFormat) -> Callable[..., None]:
    def run(project: str, out: str, **values: Any) -> None:
        sent = {name: value for name, value in values.items() if value is not None}
        export(format, project, out, {name: _unescape(value) for name, value in sent.items()})

    options = {name: _build_option(name, field) for name, field in format.parameters.model_fields.items()}
    annotations = {"project": ProjectName, "out": Out, **options}
    run.__annotations__ = annotations
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=None if name in options else inspect.Parameter.empty,
            )
            for name, annotation in annotations.items()
        ]
    )
    return run


def _build_option(name: str, field: FieldInfo) -> Any:
    from app.core.parameters import is_list

    kind: Any = list[str] if is_list(field.annotation) else field.annotation
    kind = kind if kind in (bool, int, list[str]) else str
    help = f"{field.description} May be repeated." if kind == list[str] else field.description
    flag = f"--{name.replace('_', '-')}"
    return Annotated[kind | None, typer.Option(flag, help=help, hidden=bool(field.deprecated))]


def _unescape(value: Any) -> Any:
    """A line break in an option is written as \\n."""
    return value.replace("\\n", "\n") if isinstance(value, str) else value


def export(format: ExportFormat, project_name: str, out: str, values: dict[str, Any]) -> None:
    from app.core.db import transaction
    from app.core.parameters import validate_parameters
    from app.core.startup import ready_database
    from app.exchange import exporter
    from app.exchange.file_types import FILE_TYPES, JSON_LINES
    from app.projects.projects import get_project_by_name

    parameters = validate_parameters(format.parameters, values)
    path = Path(out)
    file_type = FILE_TYPES.get(path.suffix.removeprefix("."), JSON_LINES)
    exporter.require_file_type(format, file_type)
    with ready_database(), transaction() as db:
        project = get_project_by_name(db, project_name)
        with progress_bar("Exporting", format.count(db, project.id, parameters)) as update:
            if out == "-":
                written = exporter.write_rows(db, project.id, format, parameters, sys.stdout.buffer, update)
            else:
                written = exporter.write_file(db, project.id, format, parameters, path, update, file_type)
        exporter.record_export(db, project, format, parameters, None, written.rows)
    plural = format.unit.removesuffix("y") + "ies" if format.unit.endswith("y") else f"{format.unit}s"
    typer.echo(f"{written.rows:,} {plural}, {written.bytes:,} bytes, sha256 {written.sha256}", err=True)


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, when somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(title, total=max(total, 1))
        yield lambda now: shown.update(task, completed=now)
