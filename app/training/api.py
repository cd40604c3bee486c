"""The JSON API of training: runs, models, snapshots."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path
from sqlalchemy import select

from app.core import base_models
from app.core.api import Cursor, load_page
from app.core.db import Db
from app.projects.access import Researcher
from app.runs import actions
from app.training import queries, runs
from app.training.api_models import (
    BaseModelList,
    BaseModelOut,
    ModelOut,
    ModelPage,
    SnapshotOut,
    TrainingRequest,
    TrainingRunDetail,
    TrainingRunOut,
    TrainingRunPage,
    build_model,
    build_snapshot,
    build_training_run,
)
from app.training.models import Model, TrainingRun
from app.training.warnings import list_warnings

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["training"])
Request = Annotated[TrainingRequest, Body(default_factory=TrainingRequest)]


@router.get("/training-runs", summary="List training runs")
def list_training_runs(access: Researcher, db: Db, cursor: Cursor = None) -> TrainingRunPage:
    query = select(TrainingRun).where(TrainingRun.project_id == access.project.id)
    page, next_cursor = load_page(db, query, TrainingRun.id, cursor)
    models = queries.load_models_of_runs(db, [run.id for run in page])
    runs_ = [build_training_run(run, models.get(run.id)) for run in page]
    return TrainingRunPage(training_runs=runs_, next_cursor=next_cursor)


@router.post("/training-runs", status_code=201, summary="Start a training run")
def start_training_run(access: Researcher, db: Db, request: Request) -> TrainingRunOut:
    """Queue a training run on a new snapshot of labels, or on an existing snapshot."""
    train, project_id = request.train.to_json(), access.project.id
    if request.snapshot_id is None:
        run = runs.start_with(db, project_id, request.data.to_json(), train, access.user.id)
    else:
        run = runs.start(db, project_id, request.snapshot_id, train, access.user.id)
    actions.record_start(db, run, access.user)
    db.refresh(run)
    return build_training_run(run, None)


@router.get("/training-runs/{run_id}", summary="Get a training run with its loss curve")
def get_training_run(access: Researcher, db: Db, run_id: int) -> TrainingRunDetail:
    run = queries.get_run(db, access.project.id, run_id)
    model = queries.find_model_of_run(db, run.id)
    values = {"model_id": model.id if model else None, "warnings": list_warnings(run)}
    return TrainingRunDetail.build(run, **values, curve=queries.load_curve(db, run.id))


@router.post("/training-runs/{run_id}/cancellation", summary="Cancel a training run")
def cancel_training_run(access: Researcher, db: Db, run_id: int) -> TrainingRunOut:
    run = queries.get_run(db, access.project.id, run_id)
    return build_training_run(actions.cancel_run(db, run, access.user), None)


@router.post("/training-runs/{run_id}/resumption", summary="Resume a training run at its last checkpoint")
def resume_training_run(access: Researcher, db: Db, run_id: int) -> TrainingRunOut:
    run = queries.get_run(db, access.project.id, run_id)
    return build_training_run(actions.resume_run(db, run, access.user), None)


@router.get("/models", summary="List models")
def list_models(access: Researcher, db: Db, cursor: Cursor = None) -> ModelPage:
    query = select(Model).where(Model.project_id == access.project.id)
    page, next_cursor = load_page(db, query, Model.id, cursor)
    return ModelPage(models=[build_model(model) for model in page], next_cursor=next_cursor)


@router.get("/models/{model_id}", summary="Get a model")
def get_model(access: Researcher, db: Db, model_id: int) -> ModelOut:
    return build_model(queries.get_model(db, access.project.id, model_id))


@router.get("/base-models", summary="List the base models that the operator registered")
def list_base_models(access: Researcher) -> BaseModelList:
    """Their names may be given as `train.base`."""
    return BaseModelList(
        base_models=[BaseModelOut.model_validate(entry) for entry in base_models.list_bases()]
    )


@router.get("/base-models/{name}", summary="Get a registered base model")
def get_base_model(access: Researcher, name: Annotated[str, Path(max_length=60)]) -> BaseModelOut:
    return BaseModelOut.model_validate(base_models.get_base(name))


@router.get("/snapshots/{snapshot_id}", summary="Get a snapshot of labels")
def get_snapshot(access: Researcher, db: Db, snapshot_id: int) -> SnapshotOut:
    return build_snapshot(queries.get_snapshot(db, access.project.id, snapshot_id))
