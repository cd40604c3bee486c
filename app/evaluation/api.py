"""JSON API of evaluation sets, evaluations and comparisons."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body

from app.core import model_paths
from app.core.db import Db
from app.core.errors import Invalid
from app.evaluation import comparisons, queries, runs, sets
from app.evaluation.models import Comparison, Evaluation, EvaluationSet
from app.projects.access import Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["evaluation"])
SetBody = Body(
    default_factory=dict,
    description="`name`, and `definition` to select the solutions. All keys of `definition` are optional.",
    examples=[{"name": "Validation", "definition": {"splits": ["validation"], "least_solutions": 2}}],
)
StartBody = Body(
    default_factory=dict,
    description="`set_id` (default: the default set), `config`, and exactly one of: `model_id`; `outside`, "
    "the name of external scores imported with the solutions; `folder`, an external model in the models "
    "folder of this server.",
    examples=[{"model_id": 3, "config": {"aggregate": "product"}}],
)
CompareBody = Body(default_factory=dict, examples=[{"first_id": 1, "second_id": 2}])


def set_to_json(frozen: EvaluationSet) -> dict[str, Any]:
    names = ("id", "name", "state", "is_default", "definition", "counts", "error", "created_at")
    return {name: getattr(frozen, name) for name in names} | {
        "hash": frozen.hash.hex() if frozen.hash else None
    }


def evaluation_to_json(evaluation: Evaluation, results: bool = False) -> dict[str, Any]:
    names = ("id", "evaluation_set_id", "model_id", "outside", "config", "state", "progress", "error")
    times = ("created_at", "started_at", "finished_at")
    columns = {
        name: getattr(evaluation, name) for name in (*names, *times, *(("results",) if results else ()))
    }
    return {**columns, **queries.key_figures(evaluation.results)}


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    names = ("id", "first_id", "second_id", "state", "error", "results", "created_at")
    return {name: getattr(comparison, name) for name in names}


@router.get("/evaluation-sets")
def list_evaluation_sets(access: Researcher, db: Db) -> dict[str, Any]:
    return {"evaluation_sets": [set_to_json(frozen) for frozen in sets.list_sets(db, access.project.id)]}


@router.post("/evaluation-sets", status_code=201)
def create_evaluation_set(access: Researcher, db: Db, body: dict[str, Any] = SetBody) -> dict[str, Any]:
    """Create and freeze an evaluation set. Later snapshots exclude its problems from training."""
    _refuse_unknown(body, "name", "definition")
    name, definition = body.get("name", ""), body.get("definition", {})
    if not isinstance(name, str) or not isinstance(definition, dict):
        raise Invalid('"name" must be text and "definition" a JSON object.')
    frozen = sets.create_set(db, access.project.id, name, definition, access.user)
    db.refresh(frozen)
    return set_to_json(frozen)


@router.get("/evaluation-sets/{set_id}")
def get_evaluation_set(access: Researcher, db: Db, set_id: int) -> dict[str, Any]:
    return set_to_json(sets.get_set(db, access.project.id, set_id))


@router.get("/evaluations")
def list_evaluations(access: Researcher, db: Db) -> dict[str, Any]:
    """List evaluations with their key figures, newest first. GET one evaluation for all results."""
    listed = queries.list_evaluations(db, access.project.id)
    return {"evaluations": [evaluation_to_json(row["evaluation"]) for row in listed]}


@router.post("/evaluations", status_code=201)
def start_evaluation(access: Researcher, db: Db, body: dict[str, Any] = StartBody) -> dict[str, Any]:
    """Evaluate a model. Missing scores are computed first. Poll until `state` is `succeeded`."""
    _refuse_unknown(body, "set_id", "model_id", "outside", "folder", "config")
    set_id = _number(body, "set_id")
    frozen = (
        sets.get_set(db, access.project.id, set_id) if set_id else sets.ensure_default(db, access.project.id)
    )
    if frozen is None:
        raise Invalid("This project has no evaluation set.", remedy="Create a set first.")
    folder, outside = _text(body, "folder"), _text(body, "outside")
    if folder is not None:
        anywhere = "use `stepmark evaluate` on the server to evaluate any folder"
        folder = str(model_paths.resolve_model_path(folder, access.project.id, or_else=anywhere))
    evaluation = runs.start(
        db,
        frozen,
        body.get("config", {}),
        access.user,
        model_id=_number(body, "model_id"),
        outside=outside,
        folder=folder,
    )
    db.refresh(evaluation)
    return evaluation_to_json(evaluation)


@router.get("/evaluations/{evaluation_id}")
def get_evaluation(access: Researcher, db: Db, evaluation_id: int) -> dict[str, Any]:
    return evaluation_to_json(runs.find(db, access.project.id, evaluation_id), results=True)


@router.post("/evaluations/{evaluation_id}/cancellation")
def cancel_evaluation(access: Researcher, db: Db, evaluation_id: int) -> dict[str, Any]:
    run = runs.find(db, access.project.id, evaluation_id)
    return evaluation_to_json(actions.cancel_run(db, run, access.user))


@router.post("/comparisons", status_code=201)
def compare_evaluations(access: Researcher, db: Db, body: dict[str, Any] = CompareBody) -> dict[str, Any]:
    """Compare two succeeded evaluations on the same set."""
    _refuse_unknown(body, "first_id", "second_id")
    first, second = (
        runs.find(db, access.project.id, _number(body, name) or 0) for name in ("first_id", "second_id")
    )
    comparison = comparisons.create(db, first, second, access.user.id)
    db.refresh(comparison)
    return comparison_to_json(comparison)


@router.get("/comparisons/{comparison_id}")
def get_comparison(access: Researcher, db: Db, comparison_id: int) -> dict[str, Any]:
    return comparison_to_json(comparisons.find(db, access.project.id, comparison_id))


def _refuse_unknown(body: dict[str, Any], *names: str) -> None:
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise Invalid(f"Unknown option {unknown[0]!r}.", remedy=f"Valid options: {', '.join(names)}.")


def _number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**62):
        raise Invalid(f'"{name}" must be a positive whole number.')
    return value


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 1_000 or "\0" in value):
        raise Invalid(f'"{name}" must be text.')
    return value
