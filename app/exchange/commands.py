"""Command `stepmark import`; `stepmark export` is in export_commands.py.

`import` exits with 0 if no record was rejected, 3 if some were, 1 if the import failed and 2 for
wrong usage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.exchange.export_commands import ExportGroup
from app.exchange.progress_bar import progress_bar
from app.projects.commands import ProjectName

if TYPE_CHECKING:
    from app.exchange.field_mapping import FieldMapping
    from app.exchange.models import Import

EXIT_SOME_REJECTED = 3


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command("import")(import_file)
    export = typer.Typer(cls=ExportGroup, no_args_is_help=True, help="Export labels and data.")
    export.callback()(lambda: None)
    cli.add_typer(export, name="export")


def print_formats(requested: bool) -> None:
    if not requested:
        return
    from app.exchange.formats import IMPORT_FORMATS

    for format in IMPORT_FORMATS.values():
        typer.echo(f"{format.id:20}{format.label}")
    raise typer.Exit


def import_file(
    file: Annotated[Path, typer.Argument(help="JSON Lines, JSON, CSV, TSV, Parquet, Arrow; or a folder.")],
    project: ProjectName,
    format: Annotated[
        str,
        typer.Option(help="auto, or the id of a format (--list-formats)."),
    ] = "auto",
    split: Annotated[
        str | None, typer.Option(help="train, validation or test, for records without a split.")
    ] = None,
    segmentation: Annotated[
        str | None,
        typer.Option(help="Cut free text into steps by: line, blank, numbered, sentence or model_output."),
    ] = None,
    mapping_text: Annotated[
        str | None,
        typer.Option("--map", help="Name the fields of any file: problem=question,steps=completions."),
    ] = None,
    mapping_name: Annotated[
        str | None,
        typer.Option("--mapping", help="Save the mapping under this name; without --map, use the saved one."),
    ] = None,
    grade: Annotated[bool, typer.Option(help="Grade the final answers after the import.")] = True,
    hub: Annotated[
        bool, typer.Option("--hub", help="The argument names a data set of the Hub: org/name.")
    ] = False,
    revision: Annotated[str | None, typer.Option(help="Of the data set: a commit, tag or branch.")] = None,
    list_formats: Annotated[
        bool,
        typer.Option(
            "--list-formats", help="List the formats and exit.", is_eager=True, callback=print_formats
        ),
    ] = False,
) -> None:
    """Import problems, solutions and labels: a file, a folder of files, or a data set of the Hub. Safe to
    rerun."""
    from app.core.startup import ready_database
    from app.exchange.field_mapping import parse_mapping

    options = ImportOptions(
        project,
        format,
        split,
        segmentation,
        parse_mapping(mapping_text) if mapping_text else None,
        mapping_name,
    )
    files = list_files(file, revision, hub=hub)
    with ready_database():
        results = [run_file(path, name, options) for name, path in files.items()]
        if grade and any(done.state == "succeeded" for done, _ in results):
            grade_pending(results[0][0].project_id)
    if code := max((code for _, code in results), key=[0, EXIT_SOME_REJECTED, 1].index):
        raise typer.Exit(code)


@dataclass(frozen=True)
class ImportOptions:
    """How every file of a command is imported."""

    project: str
    format: str
    split: str | None
    segmentation: str | None
    mapping: FieldMapping | None
    mapping_name: str | None


def list_files(source: Path, revision: str | None, *, hub: bool) -> dict[str, Path]:
    """The files to import, by the names that tell their splits."""
    from app.core.errors import Invalid
    from app.exchange.data_folder import list_data_files

    if revision is not None and not hub:
        raise Invalid("--revision is for data sets of the Hub.", remedy="Add --hub.")
    if hub:
        from app.exchange.hub import fetch_data_set

        source = fetch_data_set(source.as_posix(), revision or "main")
        typer.echo(f"revision {source.name}", err=True)
    return list_data_files(source) if source.is_dir() else {source.name: source}


def run_file(path: Path, name: str, options: ImportOptions) -> tuple[Import, int]:
    """Import one file, or the rest of it. Returns the import and the exit code."""
    from app.core.db import transaction
    from app.exchange import importer
    from app.exchange.import_config import ImportConfig
    from app.projects.projects import get_project_by_name

    with transaction() as db:
        project = get_project_by_name(db, options.project)
        begun = importer.find_resumable_import(
            db, project, path, options.format, options.split, options.segmentation, options.mapping
        ) or importer.create_import(
            db, project, path, format=options.format, split=options.split, filename=name,
            config=ImportConfig(segmentation=options.segmentation),
            mapping=options.mapping, mapping_name=options.mapping_name,
        )  # fmt: skip
    typer.echo(f"{begun.filename}: {begun.format}, split {begun.split}", err=True)
    report_mapping(begun)
    for notice in begun.parsed_config.notices:
        typer.echo(f"note: {notice}", err=True)
    with progress_bar("Importing", begun.bytes_total) as moved:
        done = importer.run_import(begun.id, lambda now: moved(now.bytes_done))
    return done, report_import(done)


def report_mapping(begun: Import) -> None:

    config = begun.parsed_config
    if config.mapping is not None:
        name = config.mapping_name
        typer.echo(f"mapping{f' {name}' if name else ''}: {config.mapping.to_text()}", err=True)


def report_import(done: Import) -> int:
    counts, account = done.counts, done.account
    typer.echo(
        f"{account['lines']:,} records: {account['new']:,} new, {account['updated']:,} updated,"
        f" {account['duplicates']:,} duplicates, {account['errors']:,} rejected"
    )
    typer.echo(
        f"{counts['problems']:,} problems, {counts['solutions']:,} solutions, {counts['labels']:,} labels"
    )
    if counts.get("other_split"):
        typer.echo(
            f"{counts['other_split']:,} records belong to problems that are in another split already."
            " Their split was not changed."
        )
    if done.state != "succeeded":
        typer.secho(f"{done.state}: {done.error or 'it was cancelled'}", fg="red", err=True)
    if counts["errors"]:
        from sqlalchemy import select

        from app.core.db import transaction
        from app.exchange.models import RejectedRecord

        of_this = (
            select(RejectedRecord)
            .where(RejectedRecord.import_id == done.id)
            .order_by(RejectedRecord.line)
            .limit(10)
        )
        with transaction() as db:
            for error in db.scalars(of_this):
                typer.echo(f"  line {error.line:,}: {error.message}", err=True)
        if counts["errors"] > 10:
            typer.echo(
                f"  and {counts['errors'] - 10:,} more: see import {done.id} in the browser.", err=True
            )
    return 1 if done.state != "succeeded" else EXIT_SOME_REJECTED if counts["errors"] else 0


def grade_pending(project_id: int) -> None:
    from app.problems.grading import grade_waiting
    from app.problems.grading import waiting as still_waiting

    waiting = still_waiting(project_id)
    if not waiting:
        return
    with progress_bar("Grading", waiting) as moved:
        counts = grade_waiting(project_id, progress=moved)
    typer.echo("graded: " + ", ".join(f"{number:,} {verdict}" for verdict, number in counts.items()))
