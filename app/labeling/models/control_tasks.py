"""Control tasks (gold and screening): their answers, each labeler's results, and the status that
follows from the results."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, Float, ForeignKey, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Moment
from app.core.db import Base


class ControlAnswer(Base):
    """The known ratings of a control task."""

    __tablename__ = "control_answer"

    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True)
    ratings: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """From the first step to the first negative one, or to the last step."""
    source: Mapped[str]
    """adjudicated or imported."""
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("source IN ('adjudicated', 'imported')", name="source"),)


class ControlResult(Base):
    """How one submission of a control task compares with the control answer."""

    __tablename__ = "control_result"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True
    )
    correct: Mapped[bool]
    """Both have the first error at the same step, or both have no error."""
    steps: Mapped[int] = mapped_column(SmallInteger)
    correct_steps: Mapped[int] = mapped_column(SmallInteger)
    """Steps where both are negative or both are not. A step that was not rated is not correct."""
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("correct_steps BETWEEN 0 AND steps", name="steps"),)


class LabelerStatus(Base):
    """Whether a labeler passed the screening, and whether they are paused."""

    __tablename__ = "labeler_status"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    screening_result: Mapped[str | None]
    """passed or failed. Null until the screening is complete."""
    screening_score: Mapped[float | None] = mapped_column(Float)
    screened_at: Mapped[Moment | None]
    paused_at: Mapped[Moment | None]
    pause_reason: Mapped[str] = mapped_column(server_default="", default="")
    gold_counted_from: Mapped[Moment | None]
    """When an admin last unpaused the labeler. Earlier gold results do not pause them again."""

    __table_args__ = (CheckConstraint("screening_result IN ('passed', 'failed')", name="screening_result"),)
