"""Commands of labeling."""

from __future__ import annotations

from typing import Annotated

import typer

from app.projects.commands import ProjectName

queue_commands = typer.Typer(no_args_is_help=True, help="What waits for labelers.")


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(queue_commands, name="queue")


@queue_commands.command()
def fill(
    project: ProjectName,
    limit: Annotated[int | None, typer.Option(min=1, help="Queue at most so many.")] = None,
) -> None:
    """Queue solutions that were never queued: one of each problem first, in random order."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.labeling.initial_queue import queue_initial_solutions
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        made = queue_initial_solutions(db, get_project_by_name(db, project), limit)
    if made is None:
        typer.echo("A worker prepares their alternatives; each is queued when its candidates are there.")
    else:
        typer.echo(f"{made:,} solutions queued.")


@queue_commands.command()
def status(project: ProjectName) -> None:
    """What waits, is on a desk, is done, and could be queued."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.labeling.initial_queue import count_queue
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        found = count_queue(db, get_project_by_name(db, project).id)
    for word, number in found.items():
        typer.echo(f"{word.replace('_', ' '):>12}  {number:,}")
