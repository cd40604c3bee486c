"""The JSON API of training: runs, models, snapshots."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.core.errors import Invalid
from app.projects.access import Researcher
from app.runs import actions
from app.training import queries, runs
from app.training.models import Model, Snapshot, TrainingRun

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["training"])
StartBody = Body(
    default_factory=dict,
    description="`train`: the training config; `data`: which labels, or `snapshot_id`: labels frozen before.",
    examples=[
        {"train": {"size": "small", "epochs": 3}, "data": {"generations": [0, 1], "aggregation": "majority"}}
    ],
)


def run_as_json(found: TrainingRun, model: Model | None) -> dict[str, Any]:
    names = ("id", "state", "snapshot_id", "data", "config", "attempt", "device", "host", "progress", "error")
    times = ("created_at", "started_at", "heartbeat_at", "finished_at", "cancel_requested_at")
    said = {name: getattr(found, name) for name in (*names, *times)}
    return {**said, "model_id": model.id if model else None}


def model_as_json(found: Model) -> dict[str, Any]:
    names = ("id", "name", "kind", "config", "metrics", "training_run_id", "snapshot_id", "created_at")
    return {name: getattr(found, name) for name in names} | {"weights_hash": found.weights_hash.hex()}


def snapshot_as_json(found: Snapshot) -> dict[str, Any]:
    names = ("id", "definition", "counts", "created_at")
    return {name: getattr(found, name) for name in names} | {"hash": found.hash.hex()}


@router.get("/training-runs")
def list_runs(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first, at most 200."""
    return {"training_runs": [run_as_json(*each) for each in queries.list_runs(db, access.project.id)]}


@router.post("/training-runs", status_code=201)
def start_run(access: Researcher, db: Db, given: dict[str, Any] = StartBody) -> dict[str, Any]:
    """Queue a training over labels that it freezes when it starts, or over a snapshot."""
    unknown = sorted(set(given) - {"train", "data", "snapshot_id"})
    train, data, snapshot_id = given.get("train", {}), given.get("data", {}), given.get("snapshot_id")
    if unknown:
        raise Invalid(f"There is no option {unknown[0]!r}.", remedy="There are: train, data, snapshot_id.")
    if not isinstance(train, dict) or not isinstance(data, dict):
        raise Invalid('"train" and "data" must be JSON objects.')
    if snapshot_id is None:
        started = runs.start_with(db, access.project.id, data, train, access.user.id)
    elif isinstance(snapshot_id, int) and not isinstance(snapshot_id, bool) and 0 < snapshot_id < 2**63:
        started = runs.start(db, access.project.id, snapshot_id, train, access.user.id)
    else:
        raise Invalid('"snapshot_id" must be the number of a snapshot.')
    actions.record_start(db, started, access.user)
    db.refresh(started)
    return run_as_json(started, None)


@router.get("/training-runs/{run_id}")
def one_run(access: Researcher, db: Db, run_id: int) -> dict[str, Any]:
    found = queries.get_run(db, access.project.id, run_id)
    return {
        **run_as_json(found, queries.find_model_of_run(db, found.id)),
        "curve": queries.load_curve(db, found.id),
    }


@router.post("/training-runs/{run_id}/cancellation")
def cancel_run(access: Researcher, db: Db, run_id: int) -> dict[str, Any]:
    run = queries.get_run(db, access.project.id, run_id)
    return run_as_json(actions.cancel_run(db, run, access.user), None)


@router.post("/training-runs/{run_id}/resumption")
def resume_run(access: Researcher, db: Db, run_id: int) -> dict[str, Any]:
    run = queries.get_run(db, access.project.id, run_id)
    return run_as_json(actions.resume_run(db, run, access.user), None)


@router.get("/models")
def list_models(access: Researcher, db: Db) -> dict[str, Any]:
    return {"models": [model_as_json(each) for each in queries.list_models(db, access.project.id)]}


@router.get("/models/{model_id}")
def one_model(access: Researcher, db: Db, model_id: int) -> dict[str, Any]:
    return model_as_json(queries.get_model(db, access.project.id, model_id))


@router.get("/snapshots/{snapshot_id}")
def one_snapshot(access: Researcher, db: Db, snapshot_id: int) -> dict[str, Any]:
    return snapshot_as_json(queries.get_snapshot(db, access.project.id, snapshot_id))
