"""Command `stepmark import`; `stepmark export` is in export_commands.py.

`import` exits with 0 if no record was rejected, 3 if some were, 1 if the import failed and 2 for
wrong usage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.exchange.export_commands import ExportGroup
from app.exchange.progress_bar import progress_bar
from app.projects.commands import ProjectName

if TYPE_CHECKING:
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
    file: Annotated[
        Path, typer.Argument(help="JSON Lines, JSON, CSV, TSV, Parquet or Arrow; text may be gzip.")
    ],
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
    list_formats: Annotated[
        bool,
        typer.Option(
            "--list-formats", help="List the formats and exit.", is_eager=True, callback=print_formats
        ),
    ] = False,
) -> None:
    """Import problems, solutions and labels. Safe to rerun."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.exchange import importer
    from app.exchange.field_mapping import parse_mapping
    from app.exchange.import_config import ImportConfig
    from app.projects.projects import get_project_by_name

    mapping = parse_mapping(mapping_text) if mapping_text else None
    with ready_database():
        with transaction() as db:
            where = get_project_by_name(db, project)
            config = ImportConfig(segmentation=segmentation)
            begun = importer.find_resumable_import(
                db, where, file, format, split, segmentation, mapping
            ) or importer.create_import(
                db, where, file, format=format, split=split, config=config,
                mapping=mapping, mapping_name=mapping_name,
            )  # fmt: skip
        typer.echo(f"{begun.filename}: {begun.format}, split {begun.split}", err=True)
        report_mapping(begun)
        for notice in begun.parsed_config.notices:
            typer.echo(f"note: {notice}", err=True)
        with progress_bar("Importing", begun.bytes_total) as moved:
            done = importer.run_import(begun.id, lambda now: moved(now.bytes_done))
        code = report_import(done)
        if grade and done.state == "succeeded":
            grade_pending(done.project_id)
    if code:
        raise typer.Exit(code)


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
