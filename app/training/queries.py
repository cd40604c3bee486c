"""Reads of snapshots, training runs and models for the pages and the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.training.models import Model, Snapshot, SnapshotItem, TrainingPoint, TrainingRun

POINTS = 1_000
"""Most points of a curve; a longer one shows every n-th."""


def get_run(db: Session, project_id: int, run_id: int) -> TrainingRun:
    run = db.get(TrainingRun, run_id, populate_existing=True)
    if run is None or run.project_id != project_id:
        raise NotFound("Training run not found.")
    return run


def get_model(db: Session, project_id: int, model_id: int) -> Model:
    model = db.get(Model, model_id)
    if model is None or model.project_id != project_id:
        raise NotFound("Model not found.")
    return model


def get_snapshot(db: Session, project_id: int, snapshot_id: int) -> Snapshot:
    snapshot = db.get(Snapshot, snapshot_id)
    if snapshot is None or snapshot.project_id != project_id:
        raise NotFound("Snapshot not found.")
    return snapshot


def list_runs(db: Session, project_id: int, limit: int = 200) -> list[tuple[TrainingRun, Model | None]]:
    """Newest first, each with the model it published."""
    query = (
        select(TrainingRun, Model)
        .outerjoin(Model, Model.training_run_id == TrainingRun.id)
        .where(TrainingRun.project_id == project_id)
        .order_by(TrainingRun.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in db.execute(query)]


def list_models(db: Session, project_id: int, limit: int = 200) -> list[Model]:
    query = select(Model).where(Model.project_id == project_id).order_by(Model.id.desc()).limit(limit)
    return list(db.scalars(query))


def find_model_of_run(db: Session, run_id: int) -> Model | None:
    return db.scalar(select(Model).where(Model.training_run_id == run_id))


def load_models_of_runs(db: Session, run_ids: Sequence[int]) -> dict[int, Model]:
    """Training run ID -> the model it published."""
    models = db.scalars(select(Model).where(Model.training_run_id.in_(run_ids)))
    return {model.training_run_id: model for model in models if model.training_run_id is not None}


def list_items(db: Session, snapshot_id: int, limit: int = 20) -> list[SnapshotItem]:
    query = select(SnapshotItem).where(SnapshotItem.snapshot_id == snapshot_id)
    return list(db.scalars(query.order_by(SnapshotItem.ordinal).limit(limit)))


def has_metrics(db: Session, run_id: int) -> bool:
    return (
        db.scalar(select(TrainingPoint.step).where(TrainingPoint.training_run_id == run_id).limit(1))
        is not None
    )


def load_curve(db: Session, run_id: int) -> dict[str, list[Any]]:
    """The loss curve as columns: step, loss, validation_loss (null between evaluations)."""
    query = select(TrainingPoint.step, TrainingPoint.metrics).where(TrainingPoint.training_run_id == run_id)
    points = db.execute(query.order_by(TrainingPoint.step)).all()
    every = max(1, -(-len(points) // POINTS))
    shown = [
        (step, values)
        for place, (step, values) in enumerate(points)
        if place % every == 0 or place == len(points) - 1 or "validation_loss" in values
    ]
    return {
        "step": [step for step, _ in shown],
        **{name: [values.get(name) for _, values in shown] for name in ("loss", "validation_loss")},
    }
