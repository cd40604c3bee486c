"""Comparisons: two evaluations on one set, held side by side by the worker."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, Invalid
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import create_run, get_run
from app.evaluation.models import Comparison, Evaluation
from app.training.models import Model


class ComparisonKind(RunKind[Comparison]):
    name = "comparison"
    label = "Comparison"
    noun = "comparison"
    table = Comparison
    executor = "app.evaluation.comparison_report:run"
    page = "/comparisons/{id}"
    queue = "scoring"
    in_worker = True

    def job_lock(self, run: Comparison) -> str:
        return f"comparison-{run.id}"

    def validate(self, db: Session, run: Comparison) -> None:
        first, second = (db.get_one(Evaluation, number) for number in (run.first_id, run.second_id))
        if first.id == second.id:
            raise Invalid("That is one evaluation, not two.", remedy="Choose another to hold it against.")
        if first.evaluation_set_id != second.evaluation_set_id or first.project_id != second.project_id:
            raise Invalid(
                "They were judged on different sets: their numbers say nothing of each other.",
                remedy="Evaluate both on one set.",
            )
        if first.state != "succeeded" or second.state != "succeeded":
            raise Conflict("Both evaluations must be finished first.")


KIND = register(ComparisonKind())


def create(db: Session, first: Evaluation, second: Evaluation, user_id: int | None = None) -> Comparison:
    """The comparison of the two, new or there already."""
    previous = select(Comparison).where(Comparison.first_id == first.id, Comparison.second_id == second.id)
    comparison = db.scalar(previous)
    if comparison is None:
        comparison = Comparison(project_id=first.project_id, first_id=first.id, second_id=second.id)
        comparison.created_by = user_id
        create_run(db, comparison)
    return comparison


def find(db: Session, project_id: int, comparison_id: int) -> Comparison:
    return get_run(db, project_id, comparison_id, Comparison)


def compare_with_previous(db: Session, evaluation: Evaluation) -> Comparison | None:
    """A new model against the last older one judged alike on the same set."""
    if evaluation.model_id is None:
        return None
    kind = select(Model.kind).where(Model.id == evaluation.model_id).scalar_subquery()
    before = db.scalar(
        select(Evaluation)
        .join(Model, Model.id == Evaluation.model_id)
        .where(
            Evaluation.evaluation_set_id == evaluation.evaluation_set_id,
            Evaluation.state == "succeeded",
            Evaluation.model_id < evaluation.model_id,
            Evaluation.config == evaluation.config,
            Model.kind == kind,
            Model.training_run_id.is_not(None),
        )
        .order_by(Evaluation.model_id.desc(), Evaluation.id.desc())
        .limit(1)
    )
    return create(db, before, evaluation) if before is not None else None
