"""JSON API of evaluation sets, evaluations and comparisons."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from app.common.config import Config
from app.core import model_paths
from app.core.api import MAX_ID
from app.core.db import Db
from app.core.errors import Invalid
from app.evaluation import comparisons, queries, runs, sets
from app.evaluation.config import EvaluationConfig, SetDefinition
from app.evaluation.models import Comparison, Evaluation, EvaluationSet
from app.projects.access import Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["evaluation"])
Id = Annotated[int, Field(gt=0, lt=MAX_ID)]
Text = Annotated[str, Field(min_length=1, max_length=1_000)]


class SetBody(Config):
    """A new evaluation set."""

    name: str
    definition: SetDefinition = SetDefinition()


class EvaluationBody(Config):
    """What to evaluate: exactly one of `model_id`, `external_score_name` and `external_folder`."""

    former_names = {"outside": "external_score_name", "folder": "external_folder"}  # noqa: RUF012
    set_id: Id | None = None
    """The evaluation set; null for the default set."""
    model_id: Id | None = None
    external_score_name: Text | None = None
    """The name of external scores that were imported with the solutions."""
    external_folder: Text | None = None
    """An external checkpoint in the models folder of this server."""
    config: EvaluationConfig = EvaluationConfig()


class ComparisonBody(Config):
    """Two succeeded evaluations on the same set."""

    first_id: Id
    second_id: Id


def set_to_json(frozen: EvaluationSet) -> dict[str, Any]:
    names = ("id", "name", "state", "is_default", "definition", "counts", "error", "created_at")
    return {name: getattr(frozen, name) for name in names} | {
        "hash": frozen.hash.hex() if frozen.hash else None
    }


def evaluation_to_json(evaluation: Evaluation, results: bool = False) -> dict[str, Any]:
    names = (
        "id",
        "evaluation_set_id",
        "model_id",
        "external_score_name",
        "config",
        "state",
        "progress",
        "error",
    )
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
def create_evaluation_set(access: Researcher, db: Db, body: SetBody) -> dict[str, Any]:
    """Create and freeze an evaluation set. Later snapshots exclude its problems from training."""
    definition = body.definition.to_json()
    frozen = sets.create_set(db, access.project.id, body.name, definition, access.user)
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
def start_evaluation(access: Researcher, db: Db, body: EvaluationBody) -> dict[str, Any]:
    """Evaluate a model. Missing scores are computed first. Poll until `state` is `succeeded`."""
    project_id, folder = access.project.id, body.external_folder
    frozen = sets.get_set(db, project_id, body.set_id) if body.set_id else sets.ensure_default(db, project_id)
    if frozen is None:
        raise Invalid("This project has no evaluation set.", remedy="Create a set first.")
    if folder is not None:
        anywhere = "use `stepmark evaluate` on the server to evaluate any folder"
        folder = str(model_paths.resolve_model_path(folder, access.project.id, or_else=anywhere))
    evaluation = runs.start(
        db,
        frozen,
        body.config.to_json(),
        access.user,
        model_id=body.model_id,
        external_score_name=body.external_score_name,
        external_folder=folder,
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
def compare_evaluations(access: Researcher, db: Db, body: ComparisonBody) -> dict[str, Any]:
    """Compare two succeeded evaluations on the same set."""
    first, second = (runs.find(db, access.project.id, run_id) for run_id in (body.first_id, body.second_id))
    comparison = comparisons.create(db, first, second, access.user.id)
    db.refresh(comparison)
    return comparison_to_json(comparison)


@router.get("/comparisons/{comparison_id}")
def get_comparison(access: Researcher, db: Db, comparison_id: int) -> dict[str, Any]:
    return comparison_to_json(comparisons.find(db, access.project.id, comparison_id))
