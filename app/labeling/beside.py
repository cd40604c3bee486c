"""What stands beside a judgement: notes on steps, returns with their reason, and what had been
submitted before it was taken back. All are kept for good; none is part of a label."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Key, Moment
from app.core.db import Base


class StepNote(Base):
    """A labeler's note on a step, append-only like a rating: the newest of a place counts,
    an empty one takes it back."""

    __tablename__ = "step_note"

    id: Mapped[Key]
    note_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Made in the browser, so that a retry never doubles it."""
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    candidate: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    text: Mapped[str]
    at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("position >= 0 AND candidate >= 0", name="place"),
        CheckConstraint("length(text) <= 2000", name="text"),
    )


class SubmissionReturn(Base):
    """A submitted judgement sent back to its labeler. Open until they submit again."""

    __tablename__ = "task_return"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    """The labeler it goes back to."""
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reason: Mapped[str]
    at: Mapped[Created]
    answered_at: Mapped[Moment | None]

    __table_args__ = (
        Index(
            "uq_task_return_open",
            "assignment_id",
            unique=True,
            postgresql_where=text("answered_at IS NULL"),
        ),
        Index(
            "ix_task_return_waiting",
            "user_id",
            "project_id",
            postgresql_where=text("answered_at IS NULL"),
        ),
    )


class PreviousSubmission(Base):
    """What an assignment said when it was taken back. Open while it is on the desk again;
    it ends as `replaced` by the next submission, or `kept` when there was none in time."""

    __tablename__ = "earlier_submission"

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    submitted_at: Mapped[Moment]
    finish_reason: Mapped[str]
    comment: Mapped[str]
    total_time_ms: Mapped[int | None]
    active_time_ms: Mapped[int | None]
    labels: Mapped[list] = mapped_column(JSONB)
    """Its rows of step_label."""
    why: Mapped[str]
    taken_back_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    ended_as: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("why IN ('undone', 'reopened', 'returned')", name="why"),
        CheckConstraint("ended_as IN ('replaced', 'kept')", name="ended_as"),
        CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name="ended"),
        Index(
            "uq_earlier_submission_open",
            "assignment_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
