"""Commands of labeling."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from app.projects.commands import ProjectName


class QueuedSplit(StrEnum):
    train = "train"
    validation = "validation"


queue_commands = typer.Typer(no_args_is_help=True, help="Manage the task queue.")


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(queue_commands, name="queue")


@queue_commands.command()
def fill(
    project: ProjectName,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of tasks.")] = None,
    split: Annotated[
        list[QueuedSplit] | None,
        typer.Option(help="Split of the problems. Repeatable. Default: train.", show_default=False),
    ] = None,
) -> None:
    """Queue solutions that were never queued, one per problem first, in random order. Labels of validation
    problems are not learned from, so only train problems are queued unless --split says otherwise."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.labeling.initial_queue import queue_initial_solutions
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        owner = get_project_by_name(db, project)
        queued = queue_initial_solutions(
            db, owner, limit, [name.value for name in split or (QueuedSplit.train,)]
        )
    if queued is None:
        typer.echo("A worker prepares alternatives first and queues each solution when they are ready.")
    else:
        typer.echo(f"{queued:,} solutions queued.")


@queue_commands.command()
def status(project: ProjectName) -> None:
    """Count tasks that are waiting, in progress, submitted or not queued yet."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.labeling.initial_queue import count_queue
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        counts = count_queue(db, get_project_by_name(db, project).id)
    for name, count in counts.items():
        typer.echo(f"{name.replace('_', ' '):>12}  {count:,}")
