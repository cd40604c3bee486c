"""Evaluations as rows: starting, cancelling, finding."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue
from app.evaluation import config as configs
from app.evaluation.models import Evaluation, EvaluationSet
from app.training.models import Model

ACTIVE = ("queued", "running")


def start(
    db: Session,
    found: EvaluationSet,
    config: dict[str, Any],
    user: User | None,
    *,
    model_id: int | None = None,
    outside: str | None = None,
    folder: str | None = None,
) -> Evaluation:
    """A queued evaluation of a model, of scores that came with the solutions, or of a folder
    made elsewhere; exactly one of the three."""
    if sum(each is not None for each in (model_id, outside, folder)) != 1:
        raise Invalid("Say what to judge: a model, scores that came with a file, or a folder.")
    if found.state == "failed":
        raise Conflict(f"The set {found.name!r} could not be frozen: {found.error}")
    if model_id is not None:
        _model(db, found.project_id, model_id)
    parsed = configs.parse_evaluation_config(config)
    made = Evaluation(
        project_id=found.project_id,
        evaluation_set_id=found.id,
        model_id=model_id,
        outside=outside,
        folder=folder,
        config=parsed.to_json(),
        state="queued",
        created_by=user.id if user else None,
        progress={"phase": "waiting for a worker"},
    )
    db.add(made)
    db.flush()
    kick(db, made.id)
    audit.record_event(
        db, user, "evaluation.start", subject=f"evaluation {made.id}", project_id=found.project_id
    )
    return made


def _model(db: Session, project_id: int, model_id: int) -> Model:
    model = db.get(Model, model_id) if 0 < model_id < 2**62 else None
    if model is None or model.project_id != project_id:
        raise NotFound(f"This project has no model {model_id}.")
    return model


def kick(db: Session, evaluation_id: int, after_s: float | None = None) -> None:
    """Have a worker that has numpy look at it; at most one such job waits, and one runs."""
    enqueue(
        db,
        "evaluation.advance",
        on="scoring",
        once=f"evaluation-{evaluation_id}",
        lock=f"evaluation-{evaluation_id}",
        after_s=after_s,
        evaluation_id=evaluation_id,
    )


def locked(db: Session, evaluation_id: int) -> Evaluation | None:
    return db.scalar(
        select(Evaluation)
        .where(Evaluation.id == evaluation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def find(db: Session, project_id: int, evaluation_id: int) -> Evaluation:
    found = db.get(Evaluation, evaluation_id) if evaluation_id < 2**62 else None
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such evaluation in this project.")
    return found


def cancel(db: Session, evaluation: Evaluation, user: User | None) -> Evaluation:
    found = locked(db, evaluation.id) or evaluation
    if found.state not in ACTIVE:
        raise Conflict(f"This evaluation is {found.state}: there is nothing to cancel.")
    found.state, found.finished_at = "cancelled", dt.datetime.now(dt.UTC)
    audit.record_event(
        db, user, "evaluation.cancel", subject=f"evaluation {found.id}", project_id=found.project_id
    )
    db.flush()
    return found


def after_scoring(db: Session, project_id: int, model_id: int) -> Evaluation | None:
    """The model of a round on the project's default set, once. None where there is nothing to
    judge it on, or it has been judged."""
    from app.evaluation import sets

    found = sets.ensure_default(db, project_id)
    if found is None or found.state == "failed":
        return None
    there = select(Evaluation.id).where(
        Evaluation.evaluation_set_id == found.id,
        Evaluation.model_id == model_id,
        Evaluation.state.in_((*ACTIVE, "succeeded")),
    )
    if db.scalar(there.limit(1)) is not None:
        return None
    return start(db, found, {}, None, model_id=model_id)
