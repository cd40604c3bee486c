"""Starting, cancelling and resuming a round, and what it would queue."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core import run_lifecycle
from app.core.errors import Conflict, Invalid, NotFound
from app.projects.models import Project
from app.scoring import runs as scoring
from app.scoring.models import ScoringRun
from app.selection import funnel
from app.selection.config import RoundConfig
from app.selection.models import STAGES, Round
from app.selection.round_driver import ACTIVE, kick, locked
from app.training import snapshots
from app.training.models import Model, TrainingRun


def start(db: Session, project: Project, config: RoundConfig, user: User | None) -> Round:
    """Queues the round; the worker takes it from here. One at a time in a project."""
    _check(db, project, config)
    made = Round(
        project_id=project.id,
        generation=funnel.next_generation_number(db, project.id),
        config=config.as_json(),
        created_by=user.id if user else None,
    )
    try:
        with db.begin_nested():
            db.add(made)
    except IntegrityError as error:
        raise _one_is_active(db, project.id) from error
    kick(db, made.id)
    audit.record_event(db, user, "round.start", subject=f"round {made.id}", project_id=project.id)
    return made


def _check(db: Session, project: Project, config: RoundConfig) -> None:
    if config.model_id is not None:
        model = db.get(Model, config.model_id)
        if model is None or model.project_id != project.id:
            raise Invalid(
                f"This project has no model {config.model_id}.", remedy="Leave it out to train one."
            )
    elif not funnel.count_labels(db, project.id)["steps"]:
        raise Invalid(
            "There are no labels to train on yet.",
            remedy="Queue some solutions, have them labeled at the desk, then start a round.",
        )
    else:
        snapshots.validate_definition(db, project.id, dict(config.data))


def _one_is_active(db: Session, project_id: int) -> Conflict:
    found = active(db, project_id)
    return Conflict(
        "A round is already running in this project.",
        remedy="Wait until it is done, or cancel it first.",
        round_id=found.id if found else None,
    )


def cancel(db: Session, round_: Round, user: User | None) -> Round:
    """Ends the round now, with the training or scoring it waits for. What it made stays."""
    round_ = locked(db, round_.id) or round_
    if round_.state not in ACTIVE:
        raise Conflict(f"This round is {round_.state}: there is nothing to cancel.")
    now = dt.datetime.now(dt.UTC)
    if round_.stage == "train" and "training_run_id" in round_.made:
        run = db.get_one(TrainingRun, round_.made["training_run_id"])
        if run.state in ACTIVE:
            run_lifecycle.cancel_run(db, run, user.id if user else None)
    if round_.stage == "score" and "scoring_run_id" in round_.made:
        pass_ = db.get_one(ScoringRun, round_.made["scoring_run_id"])
        if pass_.state in ACTIVE:
            scoring.cancel(db, pass_)
    round_.state, round_.cancel_requested_at, round_.finished_at = "cancelled", now, now
    audit.record_event(db, user, "round.cancel", subject=f"round {round_.id}", project_id=round_.project_id)
    return round_


def resume(db: Session, round_: Round, user: User | None) -> Round:
    """The stage that failed or was cancelled, again. What earlier stages made is kept."""
    round_ = locked(db, round_.id) or round_
    if round_.state not in ("failed", "cancelled"):
        raise Conflict(f"This round is {round_.state}: there is nothing to resume.")
    try:
        with db.begin_nested():
            round_.state, round_.error = "queued", None
            round_.finished_at = round_.cancel_requested_at = None
            round_.made = _without_what_failed(db, round_)
    except IntegrityError as error:
        raise _one_is_active(db, round_.project_id) from error
    kick(db, round_.id)
    audit.record_event(db, user, "round.resume", subject=f"round {round_.id}", project_id=round_.project_id)
    return round_


def _without_what_failed(db: Session, round_: Round) -> dict[str, Any]:
    """Training goes on from its last checkpoint, scoring from its last shard. A training that
    is still ending is left behind, so that its stage starts a new one."""
    kept = dict(round_.made)
    run = db.get(TrainingRun, kept.get("training_run_id", 0))
    if run is not None and run.state in ("failed", "cancelled"):
        run_lifecycle.resume_run(db, run, None)
    elif run is not None and run.state != "succeeded" and run.cancel_requested_at:
        kept.pop("training_run_id")
    reading = db.get(ScoringRun, kept.get("scoring_run_id", 0))
    if reading is not None and reading.state in ("failed", "cancelled"):
        reading.state, reading.error = "queued", None  # shards that are done are not done again
        reading.finished_at = reading.cancel_requested_at = None
        reading.progress = {**reading.progress, "attempt": 0}
        scoring.kick(db, reading.id)
    if round_.stage == "queue":
        kept.pop("picks", None)
        kept.pop("funnel", None)
        round_.stage = "select"
    return kept


def find(db: Session, project_id: int, round_id: int) -> Round:
    found = db.get(Round, round_id)
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such round in this project.")
    return found


def active(db: Session, project_id: int) -> Round | None:
    return db.scalar(select(Round).where(Round.project_id == project_id, Round.state.in_(ACTIVE)))


def latest(db: Session, project_id: int) -> Round | None:
    return db.scalar(select(Round).where(Round.project_id == project_id).order_by(Round.id.desc()).limit(1))


def progress(db: Session, round_: Round) -> list[dict[str, Any]]:
    """The stages in order, each done, current, failed, cancelled or waiting, with what the
    current one is doing: {"name", "state", "done", "total", "detail"}."""
    reached = STAGES.index(round_.stage)
    now = {"queued": "current", "running": "current", "succeeded": "done"}.get(round_.state, round_.state)
    shown: list[dict[str, Any]] = []
    for place, name in enumerate(STAGES):
        state = "done" if place < reached else now if place == reached else "waiting"
        shown.append({"name": name, "state": state, "done": 0, "total": 0, "detail": {}})
    if "training_run_id" in round_.made:
        run = db.get_one(TrainingRun, round_.made["training_run_id"])
        db.refresh(run)
        live = dict(run.progress or {})
        shown[1] |= {"done": live.get("step", 0), "total": live.get("steps", 0), "detail": live}
    if "scoring_run_id" in round_.made:
        pass_ = db.get_one(ScoringRun, round_.made["scoring_run_id"])
        db.refresh(pass_)
        shown[2] |= {"done": pass_.done, "total": pass_.total, "detail": dict(pass_.progress or {})}
    return shown
