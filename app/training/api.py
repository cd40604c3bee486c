"""The JSON API of training: runs, models, snapshots."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field

from app.common.config import Config
from app.core import base_models
from app.core.db import Db
from app.prm.base_facts import BaseFacts
from app.prm.config import TrainConfig
from app.projects.access import Researcher
from app.runs import actions
from app.training import queries, runs
from app.training.models import Model, Snapshot, TrainingRun
from app.training.snapshot_definition import SnapshotDefinition

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["training"])
RUN_FIELDS = ("id", "state", "snapshot_id", "data", "config", "attempt", "device", "host", "progress")
RUN_TIMES = ("created_at", "started_at", "heartbeat_at", "finished_at", "cancel_requested_at")
MODEL_FIELDS = ("id", "name", "kind", "config", "metrics", "training_run_id", "snapshot_id", "created_at")


class TrainingRequest(Config):
    """What to train on, and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"train": {"size": "small", "epochs": 3}, "data": {"generations": [0, 1]}}]
        }
    )

    train: TrainConfig = TrainConfig()
    """Options of the training run."""
    data: SnapshotDefinition = SnapshotDefinition()
    """Which labels. A snapshot of them is created when the run starts."""
    snapshot_id: Annotated[int | None, Field(gt=0, lt=2**63)] = None
    """An existing snapshot, instead of `data`."""


class BaseModelOut(BaseModel):
    name: str
    facts: BaseFacts


def base_to_json(entry: base_models.BaseModelEntry) -> BaseModelOut:
    return BaseModelOut(name=entry.name, facts=entry.facts)


def run_to_json(run: TrainingRun, model: Model | None) -> dict[str, Any]:
    fields = {name: getattr(run, name) for name in (*RUN_FIELDS, "error", *RUN_TIMES)}
    return {**fields, "model_id": model.id if model else None}


def model_to_json(model: Model) -> dict[str, Any]:
    return {name: getattr(model, name) for name in MODEL_FIELDS} | {"weights_hash": model.weights_hash.hex()}


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    fields = {name: getattr(snapshot, name) for name in ("id", "definition", "counts", "created_at")}
    return fields | {"hash": snapshot.hash.hex()}


@router.get("/training-runs")
def list_training_runs(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first, at most 200."""
    return {"training_runs": [run_to_json(*row) for row in queries.list_runs(db, access.project.id)]}


@router.post("/training-runs", status_code=201)
def start_training_run(
    access: Researcher, db: Db, request: Annotated[TrainingRequest, Body(default_factory=TrainingRequest)]
) -> dict[str, Any]:
    """Queue a training run on a new snapshot of labels, or on an existing snapshot."""
    train, project_id = request.train.to_json(), access.project.id
    if request.snapshot_id is None:
        run = runs.start_with(db, project_id, request.data.to_json(), train, access.user.id)
    else:
        run = runs.start(db, project_id, request.snapshot_id, train, access.user.id)
    actions.record_start(db, run, access.user)
    db.refresh(run)
    return run_to_json(run, None)


@router.get("/training-runs/{run_id}")
def get_training_run(access: Researcher, db: Db, run_id: int) -> dict[str, Any]:
    run = queries.get_run(db, access.project.id, run_id)
    return {
        **run_to_json(run, queries.find_model_of_run(db, run.id)),
        "curve": queries.load_curve(db, run.id),
    }


@router.post("/training-runs/{run_id}/cancellation")
def cancel_training_run(access: Researcher, db: Db, run_id: int) -> dict[str, Any]:
    run = queries.get_run(db, access.project.id, run_id)
    return run_to_json(actions.cancel_run(db, run, access.user), None)


@router.post("/training-runs/{run_id}/resumption")
def resume_training_run(access: Researcher, db: Db, run_id: int) -> dict[str, Any]:
    run = queries.get_run(db, access.project.id, run_id)
    return run_to_json(actions.resume_run(db, run, access.user), None)


@router.get("/models")
def list_models(access: Researcher, db: Db) -> dict[str, Any]:
    return {"models": [model_to_json(model) for model in queries.list_models(db, access.project.id)]}


@router.get("/models/{model_id}")
def get_model(access: Researcher, db: Db, model_id: int) -> dict[str, Any]:
    return model_to_json(queries.get_model(db, access.project.id, model_id))


@router.get("/base-models")
def list_base_models(access: Researcher) -> dict[str, list[BaseModelOut]]:
    """The base models that the operator registered. Their names may be given as `train.base`."""
    return {"base_models": [base_to_json(entry) for entry in base_models.list_bases()]}


@router.get("/base-models/{name}")
def get_base_model(access: Researcher, name: Annotated[str, Path(max_length=60)]) -> BaseModelOut:
    return base_to_json(base_models.get_base(name))


@router.get("/snapshots/{snapshot_id}")
def get_snapshot(access: Researcher, db: Db, snapshot_id: int) -> dict[str, Any]:
    return snapshot_to_json(queries.get_snapshot(db, access.project.id, snapshot_id))
