"""Commands of generators: `stepmark generator` and `stepmark sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.projects.commands import ProjectName

if TYPE_CHECKING:
    from app.generators.models import SamplingRun

generator_commands = typer.Typer(no_args_is_help=True, help="Manage generators.")
Named = Annotated[str, typer.Option("--generator", help="Name of the generator.")]


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.add_typer(generator_commands, name="generator")
    cli.command("sample")(sample)
    cli.command("rollouts")(rollouts)


@generator_commands.command("make", hidden=True)
@generator_commands.command("create")
def create_generator(
    project: ProjectName,
    name: Annotated[str, typer.Option(help="Name of the generator, stored with its solutions.")],
    model: Annotated[str, typer.Option(help="Model name on the server, or a local model folder.")],
    base_url: Annotated[str, typer.Option(help="Server URL up to /v1. Omit it for a local model.")] = "",
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable with the API key, STEPMARK_KEY_...")
    ] = "",
    key_name: Annotated[str, typer.Option(hidden=True)] = "",
    config: Annotated[
        Path | None, typer.Option(help="JSON file with options, see docs/generators.md.")
    ] = None,
) -> None:
    """Create a generator. Generators are immutable."""
    from app.core import config_file
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.generators import generators
    from app.generators.config import parse
    from app.projects.projects import get_project_by_name

    kind = "openai" if base_url else "transformers"
    generator_input = generators.GeneratorInput(name, kind, model, base_url, api_key_env or key_name)
    options = parse(config_file.read_config(config))
    with ready_database(), transaction() as db:
        created = generators.create_generator(
            db, get_project_by_name(db, project), generator_input, options, None
        )
    typer.echo(f"Generator {created.name} created.")


@generator_commands.command("list")
def list_all(project: ProjectName) -> None:
    """List the generators of a project with their solution counts."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.generators import generators, usage
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        where = get_project_by_name(db, project)
        counts = usage.count_solutions(db, where.id)
        for generator in generators.list_generators(db, where.id):
            retired = ", retired" if generator.retired_at else ""
            typer.echo(
                f"{generator.name}: {generator.kind}, {generator.model}, "
                f"{counts.get(generator.id, 0):,} solutions{retired}"
            )


def sample(
    project: ProjectName,
    generator: Named,
    per_problem: Annotated[int, typer.Option(help="Target number of solutions per problem.")],
    split: Annotated[
        list[str] | None, typer.Option(help="train (default) or validation; test in a run of its own.")
    ] = None,
    subject: Annotated[str, typer.Option(help="Only this subject.")] = "",
    level: Annotated[str, typer.Option(help="Only this level.")] = "",
    count_from: Annotated[str, typer.Option(help="Count solutions from: generator or pool.")] = "generator",
    counting: Annotated[str, typer.Option(hidden=True)] = "",
    duplicates: Annotated[str, typer.Option(help="Duplicates: keep or skip.")] = "keep",
    grade: Annotated[bool, typer.Option(help="Grade final answers afterwards.")] = True,
) -> None:
    """Sample until each problem has N solutions. Run it again to sample what is missing."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.generators import generators, pool_sampling, runs
    from app.projects.projects import get_project_by_name

    options = {"per_problem": per_problem, "splits": split or ["train"], "subject": subject, "level": level}
    options |= {"count_from": counting or count_from, "duplicates": duplicates}
    config = pool_sampling.parse_plan(options).to_json()
    with ready_database():
        with transaction() as db:
            source = generators.get_generator_by_name(db, get_project_by_name(db, project).id, generator)
            started = runs.start(db, source, "pool", config, None, wait=True)
        typer.echo(f"Missing solutions: {started.total:,}.", err=True)
        done = follow_run(started)
        if grade and done.counters["stored"]:
            from app.problems.grading import grade_waiting

            counts = grade_waiting(done.project_id)
            if counts:
                typer.echo("graded: " + ", ".join(f"{number:,} {word}" for word, number in counts.items()))
    if done.state != "succeeded":
        raise typer.Exit(1)


def rollouts(
    project: ProjectName,
    generator: Named,
    count: Annotated[int, typer.Option("--rollouts", help="Rollouts per step.")] = 8,
    strategy: Annotated[
        str, typer.Option(help="all: every step; binary-search: binary search for the first error.")
    ] = "all",
    how: Annotated[str, typer.Option(hidden=True)] = "",
    verdict: Annotated[str, typer.Option(help="Only correct, or only incorrect solutions.")] = "",
    split: Annotated[list[str] | None, typer.Option(help="train (default) or validation.")] = None,
    per_problem: Annotated[int, typer.Option(help="Maximum solutions per problem.")] = 4,
    max_solutions: Annotated[int, typer.Option(help="Maximum solutions.")] = 1000,
    most: Annotated[int, typer.Option(hidden=True)] = 0,
    preview: Annotated[bool, typer.Option("--preview", help="Print the estimate and exit.")] = False,
) -> None:
    """Estimate step values with rollouts."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.generators import generators, rollout_plan, runs
    from app.projects.projects import get_project_by_name

    options = {"rollouts": count, "verdict": verdict, "splits": split or ["train"]}
    options |= {"strategy": (how or strategy).replace("-", "_"), "max_solutions": most or max_solutions}
    plan = rollout_plan.parse_plan({**options, "per_problem": per_problem})
    with ready_database():
        with transaction() as db:
            source = generators.get_generator_by_name(db, get_project_by_name(db, project).id, generator)
            cost = rollout_plan.preview_plan(db, source, plan)
            qualifier = "Samples, at most" if plan.strategy == "binary_search" else "Samples"
            typer.echo(f"{qualifier}: {cost.missing:,} for {cost.incomplete:,} solutions.", err=True)
            if preview:
                return
            started = runs.start(db, source, "rollouts", plan.to_json(), None, wait=True)
        done = follow_run(started)
    if done.state != "succeeded":
        raise typer.Exit(1)


def follow_run(started: SamplingRun) -> SamplingRun:
    """Run in this process with a progress bar, then print the results."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from app.core import subprocess_jobs
    from app.core.db import transaction
    from app.generators import runs, usage
    from app.generators.models import SamplingRun as Row

    columns = (
        TextColumn("Sampling"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("", total=max(started.total, 1))
        subprocess_jobs.run_in_subprocess(
            runs.KIND, started.id, lambda run: shown.update(task, completed=run.counters["stored"])
        )
    with transaction() as db:
        done = db.get_one(Row, started.id)
        unfinished = usage.count_items(db, done.id).failed
    names = ("stored", "duplicates", "requests", "retries", "failed", "prompt_tokens", "completion_tokens")
    typer.echo(", ".join(f"{done.counters[word]:,} {word.replace('_', ' ')}" for word in names))
    if unfinished:
        typer.secho(f"Failed: {unfinished:,}. Run the command again to retry.", fg="yellow", err=True)
    if done.error:
        typer.secho(f"{done.state}: {done.error}", fg="red", err=True)
    return done
