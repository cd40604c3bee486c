"""Rounds: how their settings are checked, and what happens to their child runs. The life of a run is
app/core/run_lifecycle.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core import run_lifecycle
from app.core.errors import Conflict, Invalid
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import ACTIVE
from app.projects.models import Project
from app.runs import actions
from app.scoring.models import ScoringRun
from app.selection import funnel
from app.selection.config import RoundConfig, parse
from app.selection.models import STAGES, Round
from app.selection.round_children import find_child, list_waited_for
from app.training import snapshots
from app.training.models import Model, TrainingRun


class RoundKind(RunKind[Round]):
    name = "round"
    label = "Round"
    noun = "round"
    table = Round
    executor = "app.selection.round_driver:run"
    page = "/rounds/{id}"
    in_worker = True

    def job_lock(self, run: Round) -> str:
        return f"round-{run.id}"

    def validate(self, db: Session, run: Round) -> None:
        config = parse(run.config)
        if config.model_id is not None:
            model = db.get(Model, config.model_id)
            if model is None or model.project_id != run.project_id:
                raise Invalid(
                    f"This project has no model {config.model_id}.", remedy="Leave it out to train one."
                )
        elif not funnel.count_labels(db, run.project_id)["steps"]:
            raise Invalid(
                "There are no labels to train on yet.",
                remedy="Queue some solutions, have them labeled at the desk, then start a round.",
            )
        else:
            snapshots.validate_definition(db, run.project_id, dict(config.data))
        _require_none_active(db, run.project_id)

    def on_cancel(self, db: Session, run: Round) -> None:
        """Also cancels its training or scoring. Its results are kept."""
        for child in list_waited_for(db, run):
            if child.state in ACTIVE:
                run_lifecycle.cancel_run(db, child, None)

    def on_resume(self, db: Session, run: Round) -> None:
        """Training goes on from its last checkpoint, scoring from its last shard."""
        _require_none_active(db, run.project_id)
        for child in list_waited_for(db, run):
            if child.state in ("failed", "cancelled"):
                run_lifecycle.resume_run(db, child, None)
        if run.stage == "queue":
            run.picks = run.funnel = None
            run.stage = "select"


KIND = register(RoundKind())


def start(db: Session, project: Project, config: RoundConfig, user: User | None) -> Round:
    """Queue the round. A project has at most one active round."""
    round_ = Round(project_id=project.id, config=config.as_json(), created_by=user.id if user else None)
    round_.generation = funnel.next_generation_number(db, project.id)
    try:
        with db.begin_nested():
            run_lifecycle.create_run(db, round_)
    except IntegrityError as error:
        raise _one_is_active(db, project.id) from error
    actions.record_start(db, round_, user)
    return round_


def _require_none_active(db: Session, project_id: int) -> None:
    if active(db, project_id) is not None:
        raise _one_is_active(db, project_id)


def _one_is_active(db: Session, project_id: int) -> Conflict:
    round_ = active(db, project_id)
    return Conflict(
        "A round is already running in this project.",
        remedy="Wait until it is done, or cancel it first.",
        round_id=round_.id if round_ else None,
    )


def find(db: Session, project_id: int, round_id: int) -> Round:
    return run_lifecycle.get_run(db, project_id, round_id, Round)


def active(db: Session, project_id: int) -> Round | None:
    return db.scalar(select(Round).where(Round.project_id == project_id, Round.state.in_(ACTIVE)))


def latest(db: Session, project_id: int) -> Round | None:
    return db.scalar(select(Round).where(Round.project_id == project_id).order_by(Round.id.desc()).limit(1))


def progress(db: Session, round_: Round) -> list[dict[str, Any]]:
    """The stages in order, each done, current, failed, cancelled or waiting, with what the
    current one is doing: {"name", "state", "done", "total", "detail"}."""
    reached = STAGES.index(round_.stage)
    now = {"queued": "current", "running": "current", "succeeded": "done"}.get(round_.state, round_.state)
    stages: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(STAGES):
        state = "done" if place < reached else now if place == reached else "waiting"
        stages[name] = {"name": name, "state": state, "done": 0, "total": 0, "detail": {}}
    if (training := find_child(db, round_, TrainingRun)) is not None:
        live = dict(training.progress or {})
        stages["train"] |= {"done": live.get("step", 0), "total": live.get("steps", 0), "detail": live}
    if (scoring := find_child(db, round_, ScoringRun)) is not None:
        live = dict(scoring.progress or {})
        stages["score"] |= {"done": scoring.done, "total": scoring.total, "detail": live}
    return list(stages.values())
