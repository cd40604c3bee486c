"""Comparisons as rows: two evaluations on one set, held side by side by the worker."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue
from app.evaluation.models import Comparison, Evaluation
from app.training.models import Model


def create(db: Session, first: Evaluation, second: Evaluation) -> Comparison:
    """The comparison of the two, new or there already."""
    if first.id == second.id:
        raise Invalid("That is one evaluation, not two.", remedy="Choose another to hold it against.")
    if first.evaluation_set_id != second.evaluation_set_id or first.project_id != second.project_id:
        raise Invalid(
            "They were judged on different sets: their numbers say nothing of each other.",
            remedy="Evaluate both on one set.",
        )
    if first.state != "succeeded" or second.state != "succeeded":
        raise Conflict("Both evaluations must be finished first.")
    there = select(Comparison).where(Comparison.first_id == first.id, Comparison.second_id == second.id)
    found = db.scalar(there)
    if found is None:
        found = Comparison(
            project_id=first.project_id, first_id=first.id, second_id=second.id, state="queued"
        )
        db.add(found)
        db.flush()
        kick(db, found.id)
    return found


def kick(db: Session, comparison_id: int) -> None:
    name = f"comparison-{comparison_id}"
    enqueue(db, "evaluation.compare", on="scoring", once=name, lock=name, comparison_id=comparison_id)


def find(db: Session, project_id: int, comparison_id: int) -> Comparison:
    found = db.get(Comparison, comparison_id, populate_existing=True) if comparison_id < 2**62 else None
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such comparison in this project.")
    return found


def with_the_one_before(db: Session, evaluation: Evaluation) -> Comparison | None:
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


def sweep(db: Session) -> None:
    for found in db.scalars(select(Comparison.id).where(Comparison.state.in_(("queued", "running")))).all():
        kick(db, found)
