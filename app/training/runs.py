"""Training runs as rows: starting, cancelling, resuming, and the guarded steps between states.

Who may move a run is decided by its fence: a number that grows with every attempt. Whoever
holds an older one (a process that was stopped and woke up) changes nothing any more."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.common.config import ConfigError
from app.core import model_paths
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue
from app.prm.config import TrainConfig, kind_of
from app.training import label_sources, snapshots
from app.training.models import Snapshot, TrainingRun

ATTEMPTS = 3
SILENCE = dt.timedelta(seconds=60)
"""A running process that has not been heard of for so long is taken for dead."""


def start(
    db: Session, project_id: int, snapshot_id: int, config: dict[str, Any], user_id: int | None
) -> TrainingRun:
    """A queued run over the snapshot. Invalid names the option that is wrong."""
    snapshot = db.get(Snapshot, snapshot_id)
    if snapshot is None or snapshot.project_id != project_id:
        raise NotFound(f"This project has no snapshot {snapshot_id}.")
    return _queued(db, project_id, config, user_id, snapshot.definition, snapshot_id=snapshot_id)


def start_with(
    db: Session, project_id: int, data: dict[str, Any], config: dict[str, Any], user_id: int | None
) -> TrainingRun:
    """A queued run over the labels that `data` names; its process freezes them (frozen.py). Invalid
    names the option that is wrong, or says that there is no such label."""
    wanted = snapshots.validate_definition(db, project_id, data)
    snapshots.require_labels(db, project_id, wanted)
    return _queued(db, project_id, config, user_id, wanted, data=wanted)


def _queued(
    db: Session, project_id: int, config: dict[str, Any], user_id: int | None, definition: dict[str, Any],
    **labels: Any,
) -> TrainingRun:  # fmt: skip
    parsed = checked(config)
    check_labels(parsed.objective, definition)
    made = TrainingRun(
        project_id=project_id,
        config=parsed.as_json(),
        state="queued",
        created_by=user_id,
        progress={"phase": "waiting for a worker"},
        **labels,
    )
    db.add(made)
    db.flush()
    kick(db, made.id)
    return made


def check_labels(objective: str, definition: dict[str, Any]) -> None:
    """An objective learns from labels of its kind, or not at all."""
    source = definition.get("source", "people")
    if (objective == "soft") != bool(definition.get("soft")):
        raise Invalid(
            f"The objective {objective} does not learn from {label_sources.describe_source(definition)}.",
            remedy='The objective "soft" learns from labels of the source "rollouts" with "soft": true, '
            "and nothing else does.",
        )
    if (kind_of(objective) == "orm") != (source == "verdicts"):
        raise Invalid(
            f"The objective {objective} does not learn from {label_sources.describe_source(definition)}.",
            remedy='An outcome model (orm, verifier_*) needs labels of the source "verdicts"; '
            "a process model (prm3, prm2) those of people or of a model.",
        )


def checked(config: dict[str, Any]) -> TrainConfig:
    try:
        parsed = TrainConfig.parse(config)
    except ConfigError as error:
        raise Invalid(f"The training config is wrong: {error}.") from error
    if parsed.base is not None and parsed.revision is None:
        model_paths.resolve_model_path(parsed.base, or_else="for a model by id, give its pinned revision")
    return parsed


def kick(db: Session, run_id: int, after_s: float | None = None) -> None:
    enqueue(
        db, "training.run", on="training", once=f"training-{run_id}", after_s=after_s, training_run_id=run_id
    )


def locked(db: Session, run_id: int) -> TrainingRun:
    return db.execute(
        select(TrainingRun).where(TrainingRun.id == run_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).scalar_one()


def cancel(db: Session, run: TrainingRun) -> None:
    """A waiting run ends now; a running one is told to, and is gone within seconds."""
    run = locked(db, run.id)
    now = dt.datetime.now(dt.UTC)
    if run.state == "queued":
        run.state, run.finished_at, run.cancel_requested_at = "cancelled", now, now
    elif run.state == "running":
        run.cancel_requested_at = run.cancel_requested_at or now
    else:
        raise Conflict(f"This training is {run.state}: there is nothing to cancel.")
    db.flush()


def resume(db: Session, run: TrainingRun) -> None:
    """Again from its last checkpoint, with all its attempts."""
    run = locked(db, run.id)
    if run.state not in ("failed", "cancelled"):
        raise Conflict(f"This training is {run.state}: only a failed or cancelled one can be resumed.")
    run.state, run.attempt, run.error = "queued", 0, None
    run.finished_at = run.cancel_requested_at = None
    run.progress = {**run.progress, "phase": "waiting for a worker"}
    db.flush()
    kick(db, run.id)


def claim(db: Session, run_id: int, host: str, device: str) -> TrainingRun | None:
    """Take a queued run: the next attempt, with the next fence. None if it is not queued (any more)."""
    run = locked(db, run_id)
    if run.state != "queued":
        return None
    now = dt.datetime.now(dt.UTC)
    run.state, run.attempt, run.fence = "running", run.attempt + 1, run.fence + 1
    run.host, run.device, run.pid = host, device, None
    run.started_at, run.heartbeat_at, run.error = run.started_at or now, now, None
    run.progress = {**run.progress, "phase": "starting"}
    db.flush()
    return run


BEAT = text(
    """UPDATE training_run SET heartbeat_at = now(), progress = CAST(:progress AS jsonb)
       WHERE id = :id AND fence = :fence AND state = 'running' RETURNING cancel_requested_at IS NOT NULL"""
)
POINT = text(
    """INSERT INTO training_point (training_run_id, step, values) VALUES (:id, :step, CAST(:values AS jsonb))
       ON CONFLICT (training_run_id, step) DO UPDATE SET values = EXCLUDED.values, at = now()"""
)


def held(db: Session, run_id: int, fence: int) -> TrainingRun | None:
    """The run, locked, if it is running and this fence is still the one that counts."""
    run = locked(db, run_id)
    return run if run.state == "running" and run.fence == fence else None


def ended_badly(db: Session, run_id: int, fence: int, reason: str, *, for_good: bool = False) -> str | None:
    """The attempt `fence` is over without a model: cancelled if that was asked for, else queued
    again, or failed with the reason after three attempts or when trying again cannot help.
    Returns the new state; None when this attempt does not count any more."""
    run = held(db, run_id, fence)
    if run is None:
        return None
    run.pid = None
    if run.cancel_requested_at is not None:
        run.state = "cancelled"
    elif for_good or run.attempt >= ATTEMPTS:
        run.state, run.error = "failed", reason
    else:
        run.state, run.error = "queued", reason
        run.progress = {**run.progress, "phase": f"starting again after attempt {run.attempt}"}
        kick(db, run.id, after_s=2)
    if run.state != "queued":
        run.finished_at = dt.datetime.now(dt.UTC)
    db.flush()
    return run.state


def handed_back(db: Session, run_id: int, fence: int) -> None:
    """This worker is going away: another goes on from the checkpoint; no attempt is lost."""
    run = held(db, run_id, fence)
    if run is not None:
        run.state, run.attempt, run.pid = "queued", run.attempt - 1, None
        run.progress = {**run.progress, "phase": "waiting for a worker"}
        kick(db, run.id, after_s=1)
        db.flush()
