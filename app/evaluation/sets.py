"""Evaluation sets: create, find and set the default.

A set guards its problems from training: the train part of a later snapshot drops and counts every label
on them (training.snapshots). The validation part of a snapshot may contain them, because they only
select the checkpoint there; an evaluation reports it. Snapshots never contain test problems."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.config_file import parse_config
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue
from app.evaluation.config import SetDefinition
from app.evaluation.models import EvaluationSet

DEFAULT_NAME = "Validation"
SEVERAL = text(
    """SELECT EXISTS (
         SELECT FROM solution s JOIN problem p ON p.id = s.problem_id
         WHERE s.project_id = :project_id AND p.split = 'validation' AND s.verdict IS NOT NULL
         GROUP BY s.problem_id HAVING count(*) > 1)"""
)


def create_set(
    db: Session,
    project_id: int,
    name: str,
    definition: dict[str, Any],
    user: User | None,
    *,
    is_default: bool = False,
) -> EvaluationSet:
    """Create a set, which the worker freezes. The first set of a project becomes its default."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80:
        raise Invalid("An evaluation set needs a name of at most 80 characters.")
    complete = parse_config(SetDefinition, definition).to_json()
    first = find_default(db, project_id) is None
    evaluation_set = EvaluationSet(
        project_id=project_id, name=name, definition=complete, is_default=is_default or first
    )
    evaluation_set.created_by = user.id if user else None
    if evaluation_set.is_default and not first:
        _clear_default(db, project_id)
    try:
        with db.begin_nested():
            db.add(evaluation_set)
    except IntegrityError as error:
        raise Conflict(
            f"An evaluation set named {name!r} already exists.", remedy="Choose another name."
        ) from error
    enqueue(db, "evaluation.freeze", once=f"freeze-{evaluation_set.id}", set_id=evaluation_set.id)
    audit.record_event(db, user, "evaluation_set.create", subject=name, project_id=project_id)
    return evaluation_set


def get_set(db: Session, project_id: int, set_id: int) -> EvaluationSet:
    evaluation_set = db.get(EvaluationSet, set_id) if set_id < 2**62 else None
    if evaluation_set is None or evaluation_set.project_id != project_id:
        raise NotFound("Evaluation set not found.")
    return evaluation_set


def get_set_by_name(db: Session, project_id: int, name: str) -> EvaluationSet:
    """The set with this name or ID."""
    chosen = select(EvaluationSet).where(EvaluationSet.project_id == project_id)
    evaluation_set = db.scalar(chosen.where(EvaluationSet.name == name))
    if evaluation_set is None and name.isdecimal() and int(name) < 2**62:
        evaluation_set = db.scalar(chosen.where(EvaluationSet.id == int(name)))
    if evaluation_set is None:
        raise NotFound(
            f"Evaluation set {name!r} not found.",
            remedy="See the project's Evaluation page for all sets.",
        )
    return evaluation_set


def find_default(db: Session, project_id: int) -> EvaluationSet | None:
    return db.scalar(
        select(EvaluationSet).where(EvaluationSet.project_id == project_id, EvaluationSet.is_default)
    )


def ensure_default(db: Session, project_id: int) -> EvaluationSet | None:
    """The default set, created from validation problems with several graded solutions if necessary. None
    if there are no such problems."""
    evaluation_set = find_default(db, project_id)
    if evaluation_set is None and db.scalar(SEVERAL, {"project_id": project_id}):
        evaluation_set = create_set(db, project_id, DEFAULT_NAME, {}, None)
    return evaluation_set


def set_default(db: Session, evaluation_set: EvaluationSet, user: User | None) -> None:
    _clear_default(db, evaluation_set.project_id)
    evaluation_set.is_default = True
    audit.record_event(
        db, user, "evaluation_set.default", subject=evaluation_set.name, project_id=evaluation_set.project_id
    )
    db.flush()


def _clear_default(db: Session, project_id: int) -> None:
    for other in db.scalars(
        select(EvaluationSet).where(EvaluationSet.project_id == project_id, EvaluationSet.is_default)
    ):
        other.is_default = False
    db.flush()


def list_sets(db: Session, project_id: int) -> list[EvaluationSet]:
    newest_first = select(EvaluationSet).where(EvaluationSet.project_id == project_id)
    return list(db.scalars(newest_first.order_by(EvaluationSet.id.desc()).limit(200)))
