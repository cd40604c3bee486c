"""Rounds: how their settings are checked, and what happens to their child runs. The life of a run is
app/core/run_lifecycle.py."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core import run_lifecycle
from app.core.api import Answer, RunProgress
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


class StageDetail(RunProgress):
    """What the child run of a stage does now."""

    loss: float | None = None
    """Loss of the newest optimizer step, in training."""
    solutions_per_s: float | None = None
    """Solutions per second, in scoring."""


class RoundStage(Answer):
    """A stage of a round."""

    name: Literal["snapshot", "train", "score", "validate", "select", "queue"]
    """Name of the stage."""
    state: Literal["done", "current", "waiting", "failed", "cancelled"]
    """done, current, waiting, failed or cancelled."""
    done: int = 0
    """Units of work done: optimizer steps or solutions."""
    total: int = 0
    """All units of work. 0 before they are counted, and for stages that are quick."""
    detail: StageDetail = StageDetail()
    """What its child run does now."""

    def set_detail(self, detail: StageDetail, done: int, total: int) -> None:
        self.detail, self.done, self.total = detail, done, total


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
        elif not funnel.count_labels(db, run.project_id).steps:
            raise Invalid(
                "There are no labels to train on yet.",
                remedy="Queue some solutions, have them labeled at the desk, then start a round.",
            )
        else:
            snapshots.validate_definition(db, run.project_id, config.data.to_json())
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


def list_stages(db: Session, round_: Round) -> list[RoundStage]:
    """The stages in order, with the progress of their child runs."""
    reached = STAGES.index(round_.stage)
    now = {"queued": "current", "running": "current", "succeeded": "done"}.get(round_.state, round_.state)
    stages: dict[str, RoundStage] = {}
    for place, name in enumerate(STAGES):
        state = "done" if place < reached else now if place == reached else "waiting"
        stages[name] = RoundStage.model_validate({"name": name, "state": state})
    if (training := find_child(db, round_, TrainingRun)) is not None:
        detail = StageDetail.model_validate(training.progress)
        stages["train"].set_detail(detail, detail.done or 0, detail.total or 0)
    if (scoring := find_child(db, round_, ScoringRun)) is not None:
        stages["score"].set_detail(StageDetail.model_validate(scoring.progress), scoring.done, scoring.total)
    return list(stages.values())
