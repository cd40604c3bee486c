"""The command `stepmark evaluate`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from app.projects.commands import ProjectName

Judged = Annotated[
    str,
    typer.Option(
        "--model",
        help="ID or name of a model, local folder of an external model, or file:NAME for external scores "
        "imported with the solutions.",
    ),
]
OnSet = Annotated[
    str | None, typer.Option("--set", help="Name or ID of the evaluation set. Default: the default set.")
]
Out = Annotated[
    Path | None, typer.Option("--out", dir_okay=False, help="Write the results to this JSON file.")
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", exists=True, dir_okay=False, help="JSON file with options; see docs/evaluation.md."
    ),
]
FAILED = 3
MOSTLY_UNSCORED = 4
ORDER = ("best_of", "weighted", "top_k", "majority", "compute_optimal", "pass_at_n")


def register(cli: typer.Typer) -> None:
    """Add this slice's commands to the command line."""
    cli.command()(evaluate)


def evaluate(
    project: ProjectName, model: Judged, on: OnSet = None, out: Out = None, config: Config = None
) -> None:
    """Evaluate a model without a worker. Missing scores are computed first. Exit codes: 0 success, 3
    failure, 4 if most solutions have no score."""
    from app.core.startup import ready_database

    with ready_database():
        evaluation_id = _start(project, model, on, config)
        typer.echo(f"Evaluation {evaluation_id}", err=True)
        for phase in _advance_lines(evaluation_id):
            typer.echo(phase, err=True)
        results = _results(evaluation_id)
    if out is not None:
        out.write_text(json.dumps(results, indent=1), encoding="utf-8")
        typer.echo(f"Written to {out}", err=True)
    for line in _result_lines(results["results"]):
        typer.echo(line)
    if any(part["mostly_missing"] for part in results["results"]["coverage"].values()):
        raise typer.Exit(MOSTLY_UNSCORED)


def _start(project: str, model: str, on: str | None, config: Path | None) -> int:
    from app.core import config_file
    from app.core.db import transaction
    from app.core.errors import Invalid
    from app.evaluation import runs, sets
    from app.projects import projects

    with transaction() as db:
        owner = projects.get_project_by_name(db, project)
        chosen = sets.get_set_by_name(db, owner.id, on) if on else sets.ensure_default(db, owner.id)
        if chosen is None:
            raise Invalid(
                f"{owner.name} has no evaluation set, and no validation problems with several "
                "graded solutions to create one from.",
                remedy="Create a set on the project's Evaluation page.",
            )
        return runs.start(
            db, chosen, config_file.read_config(config), None, **_resolve_model(db, owner.id, model)
        ).id


def _resolve_model(db: Any, project_id: int, model: str) -> dict[str, Any]:
    from sqlalchemy import select

    from app.core.errors import NotFound
    from app.training.models import Model

    if model.startswith("file:"):
        return {"external_score_name": model.removeprefix("file:")}
    query = select(Model.id).where(Model.project_id == project_id).order_by(Model.id.desc()).limit(1)
    named = db.scalar(query.where(Model.name == model))
    if named is None and model.isdecimal():
        named = db.scalar(query.where(Model.id == int(model)))
    if named is not None:
        return {"model_id": named}
    if Path(model).is_dir():
        return {"external_folder": str(Path(model).resolve())}
    raise NotFound(
        f"No model and no folder {model!r}.", remedy="Pass the ID or name of a model, or a folder."
    )


def _advance_lines(evaluation_id: int) -> Iterator[str]:
    """Run the evaluation and yield each phase once. A worker may run at the same time."""
    from app.core.db import transaction
    from app.evaluation import driver, freeze
    from app.evaluation.models import Evaluation
    from app.scoring import launcher
    from app.scoring import runs as scoring
    from app.scoring.models import ScoringRun

    with transaction() as db:
        set_id = db.get_one(Evaluation, evaluation_id).evaluation_set_id
    freeze.freeze_set(set_id)
    phase = ""
    while driver.advance(evaluation_id):
        with transaction() as db:
            evaluation = db.get_one(Evaluation, evaluation_id)
            run = db.get(ScoringRun, evaluation.scoring_run_id) if evaluation.scoring_run_id else None
        if evaluation.progress.get("phase") != phase:
            phase = evaluation.progress.get("phase", "")
            yield phase
        if run is not None and run.state == "queued":
            launcher.run(scoring.KIND, run.id)
        else:
            time.sleep(1)


def _results(evaluation_id: int) -> dict[str, Any]:
    from app.core.db import transaction
    from app.evaluation.models import Evaluation, EvaluationSet

    with transaction() as db:
        evaluation = db.get_one(Evaluation, evaluation_id)
        frozen = db.get_one(EvaluationSet, evaluation.evaluation_set_id)
        if evaluation.state != "succeeded":
            typer.secho(f"Evaluation failed: {evaluation.error or evaluation.state}", fg="red", err=True)
            raise typer.Exit(FAILED)
        return {
            "evaluation_id": evaluation.id,
            "model_id": evaluation.model_id,
            "external_score_name": evaluation.external_score_name,
            "set": {"id": frozen.id, "name": frozen.name, "hash": (frozen.hash or b"").hex()},
            "config": evaluation.config,
            "results": evaluation.results,
        }


def _coverage_lines(coverage: dict[str, Any]) -> Iterator[str]:
    """What share of the solutions has a score, if not all have one."""
    for kind, part in coverage.items():
        if part["scored"] < part["solutions"]:
            missing = part["solutions"] - part["scored"]
            yield (
                f"{part['scored']:,} of {part['solutions']:,} {kind} solutions have a score."
                f" {missing:,} have none; they may be longer than the model's max_length."
            )
    if coverage["graded"]["mostly_missing"]:
        yield "Best-of-N and votes are not reported, because most graded solutions have no score."


def _result_lines(results: dict[str, Any]) -> Iterator[str]:
    yield from _coverage_lines(results["coverage"])
    if best := results["best_of_n"]:
        yield f"{best['problems']} problems, {best['solutions']} solutions; at N = {best['n'][-1]}:"
        for name in ORDER:
            curve = best["curves"][name]
            mean, low, high = (100 * curve[part][-1] for part in ("mean", "low", "high"))
            yield f"  {name.replace('_', ' '):<16}{mean:6.1f} %   ({low:.1f} to {high:.1f})"
    if first := results["first_error"]:
        for part in first["subsets"]:
            f1 = "-" if part["f1"] is None else f"{100 * part['f1']:.1f} %"
            yield f"First-error F1 on {part['name']}: {f1}, {part['wrong'] + part['right']:,} solutions"
    if calibration := results["calibration"]:
        for part in calibration["classes"]:
            yield f"Calibration error, {part['name']}: {part['before']['ece']:.3f}"
