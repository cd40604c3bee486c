"""Commands of test-time search: `stepmark search` and `stepmark train-reviser`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from app.projects.commands import ProjectName

FAILED = 3


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command()(search)
    cli.command("train-reviser")(train_reviser)


def search(
    project: ProjectName,
    model: Annotated[str, typer.Option("--model", help="Name or number of the model.")],
    generator: Annotated[str, typer.Option("--generator", help="Name of the generator.")],
    problem: Annotated[
        str | None, typer.Option("--problem", help="ID of one problem. Omit it for a budget sweep.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", exists=True, dir_okay=False, help="JSON file, see docs/search.md."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="Output file for the results as JSON.")
    ] = None,
) -> None:
    """Search one problem, or run a budget sweep over many problems, without a worker.
    Exit code 0 on success, 3 on failure."""
    from app.core import subprocess_jobs
    from app.core.startup import ready_database
    from app.lab import runs

    last_line = [""]

    def report_progress(run: Any) -> None:
        progress = run.progress
        line = f"{progress.get('phase', '')} {progress.get('done', progress.get('round', ''))}".strip()
        if line != last_line[0]:
            last_line[0] = line
            typer.echo(line, err=True)

    with ready_database():
        run_id = _start(project, model, generator, problem, config)
        typer.echo(f"Search {run_id}", err=True)
        while _is_queued(run_id):
            subprocess_jobs.run_in_subprocess(runs.KIND, run_id, report_progress)
        outcome = _load_results(run_id)
    if out is not None:
        out.write_text(json.dumps(outcome, indent=1), encoding="utf-8")
        typer.echo(f"Written to {out}", err=True)
    for line in _single_lines(outcome["results"]) if problem else _sweep_lines(outcome["results"]):
        typer.echo(line)


def _start(project: str, model: str, generator: str, problem: str | None, config: Path | None) -> int:
    from app.core import config_file
    from app.core.db import transaction
    from app.generators import generators
    from app.lab import runs
    from app.projects.projects import get_project_by_name

    with transaction() as db:
        where = get_project_by_name(db, project)
        return runs.start(
            db,
            where.id,
            model_id=_model(db, where.id, model),
            generator_id=generators.get_generator_by_name(db, where.id, generator).id,
            config=config_file.read_config(config),
            user=None,
            problem_id=None if problem is None else _problem(db, where.id, problem),
        ).id


def _model(db: Any, project_id: int, name: str) -> int:
    from sqlalchemy import select

    from app.core.errors import NotFound
    from app.training.models import Model

    models = select(Model.id).where(Model.project_id == project_id).order_by(Model.id.desc()).limit(1)
    model_id: int | None = db.scalar(models.where(Model.name == name))
    if model_id is None and name.isdecimal():
        model_id = db.scalar(models.where(Model.id == int(name)))
    if model_id is None:
        raise NotFound(f"Model {name!r} not found.", remedy="Enter the name or number of a model.")
    return model_id


def _problem(db: Any, project_id: int, name: str) -> int:
    from sqlalchemy import select

    from app.core.errors import NotFound
    from app.problems.models import Problem

    chosen = select(Problem.id).where(Problem.project_id == project_id, Problem.external_id == name)
    problem_id: int | None = db.scalar(chosen)
    if problem_id is None:
        raise NotFound(f"Problem {name!r} not found.", remedy="Enter the problem ID from the imported file.")
    return problem_id


def _is_queued(run_id: int) -> bool:
    from app.core.db import transaction
    from app.lab.models import SearchRun

    with transaction() as db:
        return db.get_one(SearchRun, run_id).state == "queued"


def _load_results(run_id: int) -> dict[str, Any]:
    from app.core.db import transaction
    from app.lab.models import SearchRun

    with transaction() as db:
        run = db.get_one(SearchRun, run_id)
        if run.state != "succeeded":
            verdict = f"Search failed: {run.error or run.state}"
            typer.secho(verdict, fg="red", err=True)
            raise typer.Exit(FAILED)
        return {"search_id": run.id, "config": run.config, "results": run.results, "tree": run.tree}


def _single_lines(results: dict[str, Any]) -> Iterator[str]:
    for vote in results["votes"]:
        message = f" ({vote['verdict']})" if vote["verdict"] else ""
        yield f"{100 * vote['weight']:5.1f}%  {vote['count']:4} x  {vote['answer']}{message}"
    costs = results["costs"]
    steps, tokens = (costs[what] + costs[f"rolled_{what}"] for what in ("steps", "tokens"))
    yield f"{steps:,} steps, {tokens:,} tokens"


def _sweep_lines(results: dict[str, Any]) -> Iterator[str]:
    from app.lab.figures import iter_curves

    width = 52
    yield " " * width + "".join(f"{budget:>8}" for budget in results["budgets"])
    for _, label, curve in iter_curves(results):
        cells = ("       -" if value is None else f"{100 * value:8.1f}" for value in curve["mean"])
        yield f"{label:<{width}}{''.join(cells)}"


def train_reviser(
    data: Annotated[
        Path,
        typer.Option("--data", exists=True, dir_okay=False, help="File written by `export revision-data`."),
    ],
    base: Annotated[
        Path, typer.Option("--base", exists=True, file_okay=False, help="Folder of a causal language model.")
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Output folder of the reviser.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", exists=True, dir_okay=False, help="JSON file, see docs/search.md."),
    ] = None,
) -> None:
    """Train a small language model to revise its attempts."""
    from app.common.config import ConfigError
    from app.core import config_file
    from app.core.errors import Invalid
    from app.prm.checkpoint_safety import BadCheckpoint
    from app.prm.finetune_lm import FinetuneConfig, finetune

    try:
        lines = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
        pairs = [(line["prompt"], line["completion"]) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{data} contains no valid trajectories: {error}.") from error
    last_report = [0.0]

    def report(progress: dict[str, Any]) -> None:
        if time.monotonic() - last_report[0] > 2 or progress["step"] == progress["steps"]:
            last_report[0] = time.monotonic()
            typer.echo(
                f"step {progress['step']:,} of {progress['steps']:,}, loss {progress['loss']:.3f}", err=True
            )

    try:
        done = finetune(FinetuneConfig.parse(config_file.read_config(config)), base, pairs, out, report)
    except (ConfigError, BadCheckpoint, ValueError) as error:
        raise Invalid(f"Training failed: {error}.") from error
    typer.echo(f"{out}: trained on {done.rows:,} trajectories, skipped {done.left_out:,} that are too long")
