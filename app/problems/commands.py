"""Commands `stepmark decontaminate` and `stepmark regrade`."""

from __future__ import annotations

from typing import Annotated

import typer

from app.projects.commands import ProjectName


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command("decontaminate")(report)
    cli.command("regrade")(regrade)


def report(
    project: ProjectName,
    passage_length: Annotated[int, typer.Option(help="Words of a shared passage.", min=8, max=50)] = 13,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """List train and validation problems that share long passages with test problems. Changes nothing."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.problems.api import overlap_to_json
    from app.problems.decontamination import report_overlap
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        overlap = report_overlap(db, get_project_by_name(db, project).id, passage_length)
    if json:
        typer.echo(overlap_to_json(overlap).model_dump_json(indent=2))
        return
    for pair in overlap.pairs:
        typer.echo(
            f"{pair.share:6.1%}  {pair.problem.split} {pair.problem.external_id} and"
            f" {pair.test_problem.external_id}: {pair.passage[:100]}"
        )
    typer.echo(
        f"{overlap.pair_count:,} pairs share {passage_length} words: {overlap.problems:,} problems compared"
        f" with {overlap.test_problems:,} test problems"
    )


def regrade(
    project: ProjectName,
    source: Annotated[
        str | None, typer.Option(help="Whose verdict counts: grader or file. Default: as before.")
    ] = None,
) -> None:
    """Grade every solution again, with this version of the grader, and count what changed."""
    from app.core import run_worker
    from app.core.db import transaction
    from app.core.run_lifecycle import start_attempt
    from app.core.startup import ready_database
    from app.problems import grading_runs
    from app.problems.grading_job import grade_project
    from app.problems.models import GradingRun
    from app.projects.projects import get_project_by_name

    with ready_database():
        with transaction() as db:
            chosen = get_project_by_name(db, project)
            run_id = grading_runs.start_grading(db, chosen, None, source, enqueue=False).id
        with transaction() as db:
            run = start_attempt(db, run_id, GradingRun)
        if run is not None:
            run_worker.record_errors(run, grade_project, grading_runs.KIND)
        with transaction() as db:
            done = db.get_one(GradingRun, run_id)
    if done.results is None:
        typer.secho(f"{done.state}: {done.error or 'it was cancelled'}", fg="red", err=True)
        raise typer.Exit(1)
    typer.echo(f"{done.results['graded']:,} solutions graded, {done.results['changed']:,} verdicts changed")
    for change, count in sorted(done.results["changes"].items()):
        typer.echo(f"  {change}: {count:,}")
