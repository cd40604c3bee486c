"""The command line's root: `stepmark`. Each slice brings its own commands."""

from __future__ import annotations

import logging
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from app import database_commands
from app.accounts import commands as accounts
from app.core.errors import DomainError, Invalid, NotFound
from app.evaluation import commands as evaluation
from app.exchange import commands as exchange
from app.generators import commands as generators
from app.lab import commands as lab
from app.labeling import commands as labeling
from app.problems import commands as problems
from app.projects import commands as projects
from app.selection import commands as selection
from app.simulation import commands as simulation
from app.training import commands as training

cli = typer.Typer(
    name="stepmark",
    no_args_is_help=True,
    help="Process supervision as one loop: label steps, retrain the PRM, queue convincing wrong answers.",
    pretty_exceptions_enable=False,
)


def show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"stepmark {version('stepmark')}")
        raise typer.Exit


@cli.callback()
def stepmark(
    _: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """State lives in STEPMARK_HOME. With DATABASE_URL unset, an embedded PostgreSQL starts when needed."""


@cli.command()
def worker(
    concurrency: Annotated[int, typer.Option(help="Jobs at once.", min=1, max=64)] = 4,
    queues: Annotated[
        str, typer.Option(help="Which queues, by comma: default, training, scoring.")
    ] = "default,training,scoring",
) -> None:
    """Run jobs: imports, grading, training, scoring, rounds. Ctrl-C ends it."""
    from app.core.startup import ready_database
    from app.worker import run

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with ready_database():
        run(concurrency, [name.strip() for name in queues.split(",") if name.strip()])


@cli.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on (STEPMARK_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on (STEPMARK_PORT).", min=1, max=65535)
    ] = None,
    worker: Annotated[bool, typer.Option(help="Run the worker too.")] = True,
) -> None:
    """Start everything: database, schema, web, worker. Ctrl-C ends it all."""
    from app.up import up

    up(host, port, worker=worker)


@cli.command()
def demo(
    host: Annotated[str | None, typer.Option(help="Address to listen on (STEPMARK_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on (STEPMARK_PORT).", min=1, max=65535)
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="A third of the problems and a shorter training.")
    ] = False,
) -> None:
    """A project that has been twice around the loop, made on first start; then like `up`."""
    from app.demo import run_demo

    run_demo(host, port, fast=fast)


for part in (
    database_commands,
    accounts,
    projects,
    exchange,
    problems,
    training,
    generators,
    labeling,
    selection,
    evaluation,
    lab,
    simulation,
):
    part.register(cli)


def main() -> None:
    """Expected errors are told with their remedy: exit code 2 for a wrong use, which naming what
    is not there is too, 1 for the rest."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        cli()
    except DomainError as error:
        sys.exit(print_error(error.message, error.remedy, 2 if isinstance(error, Invalid | NotFound) else 1))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        sys.exit(print_error(f"Invalid setting: {wrong}", "Fix the environment variable.", 2))
    except OperationalError as error:
        sys.exit(
            print_error(
                f"The database: {str(error.orig).strip()}",
                "Check that it is running and that the disk is not full.",
                1,
            )
        )


def print_error(message: str, remedy: str, code: int) -> int:
    typer.secho(message, fg="red", err=True)
    if remedy:
        typer.echo(remedy, err=True)
    return code


if __name__ == "__main__":
    sys.argv[0] = str(Path(sys.argv[0]).with_name("stepmark"))
    main()
