"""Records who saw other labelers' labels of a solution, so that a later adjudication by that user is not
called blind. It is recorded on the pages that show one solution's labels: a submission, a solution of
the pool, and a reveal during adjudication."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling.models import Assignment, LabelExposure, Task

INSERT_PAGE_EXPOSURE = text(
    """
    INSERT INTO label_exposure (solution_id, user_id, via)
    SELECT :solution, :user, 'page' WHERE EXISTS (SELECT 1 FROM assignment a JOIN task t ON t.id = a.task_id
        WHERE t.solution_id = :solution AND a.state = 'submitted' AND a.user_id <> :user)
    ON CONFLICT DO NOTHING
    """
)


def record_page_exposure(db: Session, user: User, solution_id: int) -> None:
    """Records nothing while nobody else has submitted labels of the solution."""
    db.execute(INSERT_PAGE_EXPOSURE, {"solution": solution_id, "user": user.id})


def record_submission_exposure(db: Session, user: User, assignment: Assignment) -> None:
    """The user's own submission is no exposure."""
    if assignment.user_id != user.id:
        task = db.get_one(Task, assignment.task_id)
        record_page_exposure(db, user, task.solution_id)


def record_reveal(db: Session, user: User, solution_id: int, ratings_before: Sequence[int | None]) -> None:
    """The adjudicator revealed the labels. `ratings_before`: their own ratings up to that point."""
    row = {
        "solution_id": solution_id,
        "user_id": user.id,
        "via": "reveal",
        "ratings_before": list(ratings_before),
    }
    statement = insert(LabelExposure).values(row)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=[LabelExposure.solution_id, LabelExposure.user_id],
            set_={"ratings_before": statement.excluded.ratings_before},
        )
    )
