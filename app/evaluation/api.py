"""JSON API of evaluation sets, evaluations and comparisons."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from app.core import model_paths
from app.core.api import Cursor, load_page
from app.core.db import Db
from app.core.errors import Invalid
from app.evaluation import comparisons, runs, sets
from app.evaluation.api_models import (
    ComparisonOut,
    ComparisonRequest,
    EvaluationDetail,
    EvaluationOut,
    EvaluationPage,
    EvaluationRequest,
    SetOut,
    SetPage,
    SetRequest,
    build_evaluation,
    build_evaluation_detail,
    build_set,
)
from app.evaluation.models import Evaluation, EvaluationSet
from app.projects.access import Access, Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["evaluation"])


@router.get("/evaluation-sets", summary="List evaluation sets")
def list_evaluation_sets(access: Researcher, db: Db, cursor: Cursor = None) -> SetPage:
    query = select(EvaluationSet).where(EvaluationSet.project_id == access.project.id)
    page, next_cursor = load_page(db, query, EvaluationSet.id, cursor)
    return SetPage(evaluation_sets=[build_set(row) for row in page], next_cursor=next_cursor)


@router.post("/evaluation-sets", status_code=201, summary="Create an evaluation set")
def create_evaluation_set(access: Researcher, db: Db, body: SetRequest) -> SetOut:
    """The worker freezes it. Later snapshots exclude its problems from training."""
    created = sets.create_set(db, access.project.id, body.name, body.definition.to_json(), access.user)
    db.refresh(created)
    return build_set(created)


@router.get("/evaluation-sets/{set_id}", summary="Get an evaluation set")
def get_evaluation_set(access: Researcher, db: Db, set_id: int) -> SetOut:
    return build_set(sets.get_set(db, access.project.id, set_id))


@router.get("/evaluations", summary="List evaluations with their key figures")
def list_evaluations(access: Researcher, db: Db, cursor: Cursor = None) -> EvaluationPage:
    """Get a single evaluation for all its results."""
    query = select(Evaluation).where(Evaluation.project_id == access.project.id)
    page, next_cursor = load_page(db, query, Evaluation.id, cursor)
    return EvaluationPage(evaluations=[build_evaluation(row) for row in page], next_cursor=next_cursor)


@router.post("/evaluations", status_code=201, summary="Start an evaluation")
def start_evaluation(access: Researcher, db: Db, body: EvaluationRequest) -> EvaluationOut:
    """Missing scores are computed first. Poll until `state` is `succeeded`."""
    folder = body.external_folder
    if folder is not None:
        anywhere = "use `stepmark evaluate` on the server to evaluate any folder"
        folder = str(model_paths.resolve_model_path(folder, access.project.id, or_else=anywhere))
    evaluation = runs.start(
        db, _load_set(access, db, body.set_id), body.config.to_json(), access.user,
        model_id=body.model_id, external_score_name=body.external_score_name, external_folder=folder,
    )  # fmt: skip
    db.refresh(evaluation)
    return build_evaluation(evaluation)


def _load_set(access: Access, db: Db, set_id: int | None) -> EvaluationSet:
    """The set, or the default set."""
    if set_id is not None:
        return sets.get_set(db, access.project.id, set_id)
    default = sets.ensure_default(db, access.project.id)
    if default is None:
        raise Invalid("This project has no evaluation set.", remedy="Create a set first.")
    return default


@router.get("/evaluations/{evaluation_id}", summary="Get an evaluation with all its results")
def get_evaluation(access: Researcher, db: Db, evaluation_id: int) -> EvaluationDetail:
    return build_evaluation_detail(runs.find(db, access.project.id, evaluation_id))


@router.post("/evaluations/{evaluation_id}/cancellation", summary="Cancel an evaluation")
def cancel_evaluation(access: Researcher, db: Db, evaluation_id: int) -> EvaluationOut:
    run = runs.find(db, access.project.id, evaluation_id)
    return build_evaluation(actions.cancel_run(db, run, access.user))


@router.post("/comparisons", status_code=201, summary="Compare two evaluations on the same set")
def compare_evaluations(access: Researcher, db: Db, body: ComparisonRequest) -> ComparisonOut:
    first, second = (runs.find(db, access.project.id, key) for key in (body.first_id, body.second_id))
    comparison = comparisons.create(db, first, second, access.user.id)
    db.refresh(comparison)
    return ComparisonOut.model_validate(comparison)


@router.get("/comparisons/{comparison_id}", summary="Get a comparison")
def get_comparison(access: Researcher, db: Db, comparison_id: int) -> ComparisonOut:
    return ComparisonOut.model_validate(comparisons.find(db, access.project.id, comparison_id))
