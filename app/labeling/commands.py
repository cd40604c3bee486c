"""Commands of labeling."""

from __future__ import annotations

from typing import Annotated

import typer

queue_commands = typer.Typer(no_args_is_help=True, help="What waits for labelers.")


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(queue_commands, name="queue")


Project = Annotated[str, typer.Option("--project", help="Name of the project, or its slug.")]


@queue_commands.command()
def fill(
    project: Project,
    limit: Annotated[int | None, typer.Option(min=1, help="Queue at most so many.")] = None,
) -> None:
    """Queue solutions that were never queued: one of each problem first, in random order."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.labeling.filling import fill_first

    with ready_database(), transaction() as db:
        made = fill_first(db, _named(db, project), limit)
    typer.echo(f"{made:,} solutions queued.")


@queue_commands.command()
def status(project: Project) -> None:
    """What waits, is on a desk, is done, and could be queued."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.labeling.filling import counts

    with ready_database(), transaction() as db:
        found = counts(db, _named(db, project).id)
    for word, number in found.items():
        typer.echo(f"{word.replace('_', ' '):>12}  {number:,}")


def _named(db, name: str):  # type: ignore[no-untyped-def]
    from sqlalchemy import select

    from app.projects.models import Project as Row

    found = db.scalar(select(Row).where((Row.name == name) | (Row.slug == name)))
    if found is None:
        typer.echo(f"There is no project {name}. Make it: stepmark project create {name!r}", err=True)
        raise typer.Exit(1)
    return found
