"""Commands of selection: `stepmark round start|status|cancel|resume`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from app.projects.commands import ProjectName

rounds_commands = typer.Typer(no_args_is_help=True, help="Snapshot, train, score, validate, select, queue.")

Config = Annotated[
    Path | None, typer.Option("--config", exists=True, dir_okay=False, help="JSON file; see docs/rounds.md.")
]
Aggregation = Annotated[
    str | None,
    typer.Option(
        "--aggregation",
        help="If several people rated a step: majority (the default) or dawid_skene.",
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the round and show progress.")]
FAILED = 3


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(rounds_commands, name="round")


@rounds_commands.command()
def start(
    project: ProjectName, config: Config = None, aggregation: Aggregation = None, wait: Wait = False
) -> None:
    """Start a round. A worker has to be running (stepmark up, or stepmark worker).
    With --wait: exit 0 when the next generation is queued, 3 when the round failed or was cancelled."""
    from app.core import config_file
    from app.selection import rounds
    from app.selection.config import parse

    def act(db: Any, project: Any) -> int:
        options = config_file.read_config(config)
        if aggregation is not None:
            options["data"] = {**options.get("data", {}), "aggregation": aggregation}
        return rounds.start(db, project, parse(options), None).id

    _run_and_wait(project, act, wait, "Round {id} started.")


@rounds_commands.command()
def resume(project: ProjectName, wait: Wait = False) -> None:
    """Resume the newest round at its failed stage. Finished stages are kept."""
    from app.runs import actions

    def act(db: Any, project: Any) -> int:
        return actions.resume_run(db, _latest(db, project), None).id

    _run_and_wait(project, act, wait, "Round {id} resumed.")


@rounds_commands.command()
def cancel(project: ProjectName) -> None:
    """Cancel the running round and its training or scoring. Finished stages are kept."""
    from app.runs import actions

    def act(db: Any, project: Any) -> int:
        return actions.cancel_run(db, _latest(db, project), None).id

    _run_and_wait(project, act, False, "Round {id} cancelled.")


@rounds_commands.command()
def status(
    project: ProjectName, as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False
) -> None:
    """Show the newest round. Exits 0 if it is active or succeeded, 3 if it failed or was cancelled."""
    from app.core.startup import ready_database

    with ready_database():
        state = _state(project)
    typer.echo(json.dumps(state, default=str) if as_json else _summarize(state))
    if state["state"] in ("failed", "cancelled"):
        raise typer.Exit(FAILED)


def _run_and_wait(project_name: str, act: Any, wait: bool, message: str) -> None:
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.projects import projects

    with ready_database():
        with transaction() as db:
            round_id = act(db, projects.get_project_by_name(db, project_name))
        typer.echo(message.format(id=round_id))
        if wait and not _watch(project_name, round_id):
            raise typer.Exit(FAILED)


def _watch(project: str, round_id: int) -> bool:
    """Show progress until the round ends: bars on a terminal, else a line for each stage."""
    from rich.console import Console
    from rich.live import Live

    console, last = Console(), ""
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            state = _state(project, round_id)
            if console.is_terminal:
                live.update(_table(state))
            elif state["stage"] != last:
                last = state["stage"]
                console.print(last)
            if state["state"] not in ("queued", "running"):
                break
            time.sleep(1)
    typer.echo(_summarize(state))
    return bool(state["state"] == "succeeded")


def _state(project_name: str, round_id: int | None = None) -> dict[str, Any]:
    from app.core.db import transaction
    from app.projects import projects
    from app.selection import rounds

    with transaction() as db:
        project = projects.get_project_by_name(db, project_name)
        round_ = rounds.find(db, project.id, round_id) if round_id else _latest(db, project)
        return {
            "id": round_.id,
            "generation": round_.generation,
            "state": round_.state,
            "stage": round_.stage,
            "error": round_.error,
            "queued": round_.queued,
            "stages": [stage.model_dump() for stage in rounds.list_stages(db, round_)],
            "warnings": _list_training_warnings(db, round_.id),
        }


def _list_training_warnings(db: Any, round_id: int) -> list[str]:
    from sqlalchemy import select

    from app.training.models import TrainingRun
    from app.training.warnings import list_warnings

    runs = db.scalars(select(TrainingRun).where(TrainingRun.parent_id == round_id))
    return [warning for run in runs for warning in list_warnings(run)]


def _table(state: dict[str, Any]) -> Any:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    marks = {
        "done": "[green]✓[/]",
        "current": "[blue]●[/]",
        "failed": "[red]✗[/]",
        "cancelled": "[yellow]■[/]",
    }
    table = Table.grid(padding=(0, 1))
    for stage in state["stages"]:
        bar: Any = ""
        if stage["state"] == "current":
            bar = ProgressBar(stage["total"] or None, stage["done"], width=30, pulse=not stage["total"])
        count = f"{stage['done']:,} of {stage['total']:,}" if stage["total"] else ""
        table.add_row(marks.get(stage["state"], " "), stage["name"], bar, count)
    return table


def _summarize(state: dict[str, Any]) -> str:
    warnings = [f"Warning: {warning}" for warning in state["warnings"]]
    return "\n".join([_describe_state(state), *warnings])


def _describe_state(state: dict[str, Any]) -> str:
    start = f"Round {state['id']} (generation {state['generation']}): {state['state']}"
    if state["state"] == "succeeded":
        return f"{start}, {state['queued']:,} solutions queued."
    if state["state"] == "failed":
        failure = f"{start} at {state['stage']}: {state['error']}"
        return f"{failure}\nTo resume: stepmark round resume --project ..."
    return f"{start}, stage {state['stage']}."


def _latest(db: Any, project: Any) -> Any:
    from app.core.errors import NotFound
    from app.selection import rounds

    round_ = rounds.latest(db, project.id)
    if round_ is None:
        raise NotFound(
            f"{project.name} has no rounds yet.", remedy="Start one: stepmark round start --project ..."
        )
    return round_
