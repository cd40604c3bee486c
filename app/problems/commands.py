"""Command `stepmark decontaminate`: which problems share passages with test problems."""

from __future__ import annotations

from typing import Annotated

import typer

from app.projects.commands import ProjectName


def register(cli: typer.Typer) -> None:
    """Add this slice's command to the command line."""
    cli.command("decontaminate")(report)


def report(
    project: ProjectName,
    words: Annotated[int, typer.Option(help="Words of a shared passage.", min=8, max=50)] = 13,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """List train and validation problems that share long passages with test problems. Changes nothing."""
    from app.core.db import transaction
    from app.core.startup import ready_database
    from app.problems.api import overlap_to_json
    from app.problems.decontamination import report_overlap
    from app.projects.projects import get_project_by_name

    with ready_database(), transaction() as db:
        overlap = report_overlap(db, get_project_by_name(db, project).id, words)
    if json:
        typer.echo(overlap_to_json(overlap).model_dump_json(indent=2))
        return
    for pair in overlap.pairs:
        typer.echo(
            f"{pair.share:6.1%}  {pair.problem.split} {pair.problem.external_id} and"
            f" {pair.test_problem.external_id}: {pair.passage[:100]}"
        )
    typer.echo(
        f"{overlap.pair_count:,} pairs share {words} words: {overlap.problems:,} problems compared with"
        f" {overlap.test_problems:,} test problems"
    )
