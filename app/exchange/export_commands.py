"""`stepmark export`: one command for each export format, with an option for each of its parameters.

The formats are loaded when a command of the group is looked up, so that other commands start quickly."""

from __future__ import annotations

import inspect
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.projects.commands import ProjectName

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from app.exchange.exports.base import ExportFormat

OLD_NAMES = {"revisions": "revision-data"}
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        help="File or folder to write, or - for standard output. A name in .parquet is written as Parquet. A"
        " folder gets a file for each split, a data card and checksums.",
    ),
]
FileTypeName = Annotated[
    str | None,
    typer.Option("--file-type", help="jsonl or parquet. Default: by the file name; parquet in a folder."),
]
License = Annotated[str, typer.Option("--license", help="License for the data card, such as cc-by-4.0.")]
Push = Annotated[
    str | None,
    typer.Option(
        "--push", help="Upload the data set to the Hugging Face Hub under this name, such as org/labels."
    ),
]
Private = Annotated[bool, typer.Option("--private", help="With --push: create a private data set.")]
FIXED: dict[str, tuple[Any, Any]] = {
    "project": (ProjectName, inspect.Parameter.empty),
    "out": (Out, None),
    "file_type": (FileTypeName, None),
    "license": (License, ""),
    "push": (Push, None),
    "private": (Private, False),
}
"""The options of every export, with their defaults."""


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
    def run(project: str, **values: Any) -> None:
        from app.exchange.export_target import Target, export

        target = Target(**{name: values.pop(name) for name in FIXED if name != "project"})
        sent = {name: value for name, value in values.items() if value is not None}
        export(format, project, target, {name: _unescape(value) for name, value in sent.items()})

    options = {name: _build_option(name, field) for name, field in format.parameters.model_fields.items()}
    everything = FIXED | {name: (option, None) for name, option in options.items()}
    run.__annotations__ = {name: annotation for name, (annotation, _) in everything.items()}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in everything.items()
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
