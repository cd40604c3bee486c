"""Who opened what others said of a solution, so that an adjudicator who decides it later is not called
blind. Kept from the pages that show one solution's labels: a judgement, a solution of the pool, and
adjudication where it was asked to show them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, SmallInteger, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts.models import User
from app.core.column_types import Created
from app.core.db import Base
from app.labeling.models import Assignment, Task


class LabelExposure(Base):
    __tablename__ = "labels_seen"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    how: Mapped[str]
    """The first time: opened (on a page of labels), or shown (asked for while adjudicating)."""
    before: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    """Null until they asked for it while adjudicating: then what they had rated until then."""
    at: Mapped[Created]

    __table_args__ = (CheckConstraint("how IN ('opened', 'shown')", name="how"),)


INSERT_PAGE_EXPOSURE = text(
    """
    INSERT INTO labels_seen (solution_id, user_id, how)
    SELECT :solution, :user, 'opened' WHERE EXISTS (SELECT 1 FROM assignment a JOIN task t ON t.id = a.task_id
        WHERE t.solution_id = :solution AND a.state = 'submitted' AND a.user_id <> :user)
    ON CONFLICT DO NOTHING
    """
)


def record_page_exposure(db: Session, user: User, solution_id: int) -> None:
    """Nothing is written down where nobody else has judged it yet."""
    db.execute(INSERT_PAGE_EXPOSURE, {"solution": solution_id, "user": user.id})


def record_submission_exposure(db: Session, user: User, assignment: Assignment) -> None:
    """One's own is no news; what one said oneself is asked for where it matters."""
    if assignment.user_id != user.id:
        task = db.get_one(Task, assignment.task_id)
        record_page_exposure(db, user, task.solution_id)


def record_reveal(db: Session, user: User, solution_id: int, before: Sequence[int | None]) -> None:
    """Asked for while adjudicating; `before`: what they had rated until then."""
    row = {"solution_id": solution_id, "user_id": user.id, "how": "shown", "before": list(before)}
    made = insert(LabelExposure).values(row)
    key = [LabelExposure.solution_id, LabelExposure.user_id]
    db.execute(made.on_conflict_do_update(index_elements=key, set_={"before": made.excluded.before}))
