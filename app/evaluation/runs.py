"""Evaluations: how their settings are checked, and starting one. The life of a run is
app/core/run_lifecycle.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core import run_lifecycle
from app.core.errors import Conflict, Invalid, NotFound
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import ACTIVE as ACTIVE
from app.evaluation import comparisons
from app.evaluation import config as configs
from app.evaluation.models import Evaluation, EvaluationSet
from app.runs import actions
from app.scoring.models import ScoringRun
from app.training.models import Model


class EvaluationKind(RunKind[Evaluation]):
    name = "evaluation"
    label = "Evaluation"
    noun = "evaluation"
    table = Evaluation
    executor = "app.evaluation.driver:run"
    page = "/evaluations/{id}"
    queue = "scoring"
    """Workers of this queue have NumPy."""
    in_worker = True

    def job_lock(self, run: Evaluation) -> str:
        return f"evaluation-{run.id}"

    def validate(self, db: Session, run: Evaluation) -> None:
        if (
            sum(source is not None for source in (run.model_id, run.external_score_name, run.external_folder))
            != 1
        ):
            raise Invalid("Choose exactly one of a model, external scores and a folder.")
        frozen = db.get_one(EvaluationSet, run.evaluation_set_id)
        if frozen.state == "failed":
            raise Conflict(f"The set {frozen.name!r} could not be frozen: {frozen.error}")
        if run.model_id is not None:
            _require_model(db, run.project_id, run.model_id)
        run.config = configs.parse_evaluation_config(run.config).to_json()

    def on_resume(self, db: Session, run: Evaluation) -> None:
        """Resumes its scoring run, too."""
        scoring = db.get(ScoringRun, run.scoring_run_id) if run.scoring_run_id else None
        if scoring is not None and scoring.state in ("failed", "cancelled"):
            run_lifecycle.resume_run(db, scoring, None)

    def on_finish(self, db: Session, run: Evaluation) -> None:
        if run.state == "succeeded":
            comparisons.compare_with_previous(db, run)


KIND = register(EvaluationKind())


def start(
    db: Session,
    frozen: EvaluationSet,
    config: dict[str, Any],
    user: User | None,
    *,
    model_id: int | None = None,
    external_score_name: str | None = None,
    external_folder: str | None = None,
    parent_id: int | None = None,
) -> Evaluation:
    """Queue the evaluation of exactly one of a model, external scores and an external checkpoint."""
    run = Evaluation(
        project_id=frozen.project_id,
        evaluation_set_id=frozen.id,
        model_id=model_id,
        external_score_name=external_score_name,
        external_folder=external_folder,
        config=config,
        created_by=user.id if user else None,
        parent_id=parent_id,
    )
    run_lifecycle.create_run(db, run)
    actions.record_start(db, run, user)
    return run


def _require_model(db: Session, project_id: int, model_id: int) -> None:
    model = db.get(Model, model_id) if 0 < model_id < 2**62 else None
    if model is None or model.project_id != project_id:
        raise NotFound(f"This project has no model {model_id}.")


def find(db: Session, project_id: int, evaluation_id: int) -> Evaluation:
    return run_lifecycle.get_run(db, project_id, evaluation_id, Evaluation)


def start_after_scoring(
    db: Session, project_id: int, model_id: int, parent_id: int | None = None
) -> Evaluation | None:
    """Evaluate the model of a round on the default set. None if there is no set, or if the model is already
    evaluated on it."""
    from app.evaluation import sets

    frozen = sets.ensure_default(db, project_id)
    if frozen is None or frozen.state == "failed":
        return None
    previous = select(Evaluation.id).where(
        Evaluation.evaluation_set_id == frozen.id,
        Evaluation.model_id == model_id,
        Evaluation.state.in_((*ACTIVE, "succeeded")),
    )
    if db.scalar(previous.limit(1)) is not None:
        return None
    return start(db, frozen, {}, None, model_id=model_id, parent_id=parent_id)
