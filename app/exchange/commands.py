"""Commands of exchange: `stepmark import` and `stepmark export`.

`import` exits with 0 when every line is in, 3 when some lines had errors, 1 when it
could not be done, 2 for a wrong use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.projects.commands import ProjectName

if TYPE_CHECKING:
    from app.exchange.models import Import

EXIT_SOME_REJECTED = 3
export_commands = typer.Typer(no_args_is_help=True, help="What people said, as files.")


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command("import")(import_file)
    cli.add_typer(export_commands, name="export")


def print_formats(requested: bool) -> None:
    if not requested:
        return
    from app.exchange.formats import IMPORT_FORMATS

    for each in IMPORT_FORMATS.values():
        typer.echo(f"{each.id:20}{each.label}")
    raise typer.Exit


def import_file(
    file: Annotated[Path, typer.Argument(help="JSON Lines or one JSON array; may be gzip.")],
    project: ProjectName,
    format: Annotated[
        str,
        typer.Option(help="auto, or the id of a format (--list-formats)."),
    ] = "auto",
    split: Annotated[
        str | None, typer.Option(help="train, validation or test, for lines that do not say.")
    ] = None,
    segmentation: Annotated[
        str | None,
        typer.Option(help="Cut free text into steps by: line, blank, numbered, sentence or model_output."),
    ] = None,
    grade: Annotated[bool, typer.Option(help="Grade the final answers after the import.")] = True,
    list_formats: Annotated[
        bool,
        typer.Option(
            "--list-formats", help="List the formats and exit.", is_eager=True, callback=print_formats
        ),
    ] = False,
) -> None:
    """Bring problems, solutions and labels in. Run again after a stop: each line goes in once."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.exchange import importer
    from app.projects.projects import get_project_by_name

    with ready_database():
        with transaction() as db:
            where = get_project_by_name(db, project)
            options = {"segmentation": segmentation}
            begun = importer.find_resumable_import(
                db, where, file, format, split, segmentation
            ) or importer.create_import(db, where, file, format=format, split=split, options=options)
        typer.echo(f"{begun.filename}: {begun.format}, split {begun.split}", err=True)
        with progress_bar("Importing", begun.bytes_total) as moved:
            done = importer.run_import(begun.id, lambda now: moved(now.bytes_done))
        code = report_import(done)
        if grade and done.state == "succeeded":
            grade_pending(done.project_id)
    if code:
        raise typer.Exit(code)


def report_import(done: Import) -> int:
    counts = done.counts
    parts = (
        f"{counts[word]:,} {word.replace('_', ' ')}" for word in counts if counts[word] or word == "lines"
    )
    typer.echo(", ".join(parts))
    if done.state != "succeeded":
        typer.secho(f"{done.state}: {done.error or 'it was stopped'}", fg="red", err=True)
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


@export_commands.command("prm800k")
def export_prm800k(
    project: ProjectName,
    out: Annotated[str, typer.Option("--out", help="File to write, or - for standard output.")],
    generation: Annotated[
        list[str] | None, typer.Option(help="Only this generation (a number, or none). May be repeated.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="regular, gold or screening.")] = None,
    finish_reason: Annotated[
        list[str] | None, typer.Option(help="solution, found_error, bad_problem or give_up.")
    ] = None,
    labeler: Annotated[list[str] | None, typer.Option(help="Only this labeler's: email or uuid.")] = None,
    notes: Annotated[
        bool, typer.Option("--notes", help='Also what labelers noted on steps, in a field "notes".')
    ] = False,
) -> None:
    """Finished assignments as PRM800K rows, one JSON object a line."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.exchange import exporter
    from app.exchange.filters import parse_filters
    from app.projects.projects import get_project_by_name

    chosen = parse_filters(generation, kind, finish_reason, labeler, notes)
    with ready_database(), transaction() as db:
        where = get_project_by_name(db, project)
        total = exporter.count_rows(db, where.id, chosen)
        with progress_bar("Exporting", total) as moved:
            if out == "-":
                written = exporter.write_rows(db, where.id, chosen, sys.stdout.buffer, moved)
            else:
                written = exporter.write_file(db, where.id, chosen, Path(out), moved)
        exporter.record_export(db, where, "export.prm800k", chosen.to_json(), None, written.rows)
    typer.echo(f"{written.rows:,} rows, {written.bytes:,} bytes, sha256 {written.sha256}", err=True)


@export_commands.command("revisions")
def export_revisions(
    project: ProjectName,
    out: Annotated[str, typer.Option("--out", help="File to write, or - for standard output.")],
    generator: Annotated[
        str | None, typer.Option("--generator", help="Only solutions of this generator.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which wrong attempts go before which right one.")] = 0,
) -> None:
    """Trajectories a reviser learns from: up to four wrong solutions, the last the closest to the right
    one that follows. Train-split problems only; one JSON object a line."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.exchange import revisions
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        where = get_project_by_name(db, project)
        lines = revisions.iter_lines(db, where.id, generator, seed)
        if out == "-":
            count = sum(sys.stdout.buffer.write(line) > 0 for line in lines)
        else:
            with Path(out).open("wb") as file:
                count = sum(file.write(line) > 0 for line in lines)
    typer.echo(f"{count:,} trajectories", err=True)


@export_commands.command("sft")
def export_sft(
    project: ProjectName,
    out: Annotated[str, typer.Option("--out", help="File to write, or - for standard output.")],
    which: Annotated[
        str,
        typer.Option(help="answer: the final answer is right; labels: people rated every step, none bad."),
    ] = "answer",
    split: Annotated[str, typer.Option(help="train or validation.")] = "train",
    generator: Annotated[str, typer.Option(help="Only solutions of this generator.")] = "",
    per_problem: Annotated[int, typer.Option(help="At most so many of one problem.")] = 4,
    seed: Annotated[int, typer.Option(help="Which of them, where there are more.")] = 0,
    prompt: Annotated[str, typer.Option(help="With {problem} where the statement goes.")] = "",
) -> None:
    """Right solutions as prompt and completion, one step a line: what a generator is fine-tuned on."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.exchange import exporter, sft
    from app.projects.projects import get_project_by_name

    prompt = prompt.replace("\\n", "\n")
    chosen = sft.parse_filters(
        which=which, split=split, generator=generator, per_problem=per_problem, seed=seed, prompt=prompt
    )
    with ready_database(), transaction() as db:
        where = get_project_by_name(db, project)
        lines = sft.iter_lines(db, where.id, chosen)
        if out == "-":
            count = sum(sys.stdout.buffer.write(line) > 0 for line in lines)
        else:
            part = Path(out).with_name(f".{Path(out).name}.part")  # whole, or not at all
            with part.open("wb") as file:
                count = sum(file.write(line) > 0 for line in lines)
            part.replace(out)
        exporter.record_export(db, where, "export.sft", chosen.to_json(), None, count)
    typer.echo(f"{count:,} solutions", err=True)


@contextmanager
def progress_bar(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, when somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(words), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(words, total=max(total, 1))
        yield lambda now: shown.update(task, completed=now)
