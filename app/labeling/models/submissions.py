"""What happens to a submission later: it is returned, reopened and replaced, or read by others."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Key, Moment
from app.core.db import Base


class SubmissionReturn(Base):
    """A submission that was sent back to its labeler. Open until the labeler submits again."""

    __tablename__ = "submission_return"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    """The labeler who gets it back."""
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reason: Mapped[str]
    returned_at: Mapped[Created]
    resubmitted_at: Mapped[Moment | None]

    __table_args__ = (
        Index(
            "uq_submission_return_open",
            "assignment_id",
            unique=True,
            postgresql_where=text("resubmitted_at IS NULL"),
        ),
        Index(
            "ix_submission_return_open",
            "user_id",
            "project_id",
            postgresql_where=text("resubmitted_at IS NULL"),
        ),
    )


class PreviousSubmission(Base):
    """What a reopened assignment had submitted. Open while the labeler works on it again. It ends as
    `replaced` by the next submission, or `restored` if the lease ends without one."""

    __tablename__ = "previous_submission"

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    submitted_at: Mapped[Moment]
    finish_reason: Mapped[str]
    comment: Mapped[str]
    total_time_ms: Mapped[int | None]
    active_time_ms: Mapped[int | None]
    labels: Mapped[list] = mapped_column(JSONB)
    """Its rows of step_label."""
    reopen_reason: Mapped[str]
    reopened_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    outcome: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("reopen_reason IN ('undone', 'reopened', 'returned')", name="reopen_reason"),
        CheckConstraint("outcome IN ('replaced', 'restored')", name="outcome"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
        Index(
            "uq_previous_submission_open",
            "assignment_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class LabelExposure(Base):
    """A user who saw other labelers' labels of a solution. A later adjudication by that user is not
    blind."""

    __tablename__ = "label_exposure"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    via: Mapped[str]
    """How the user first saw them: on a page, or by a reveal during adjudication."""
    ratings_before: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    """The user's own ratings up to a reveal. Null without one."""
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("via IN ('page', 'reveal')", name="via"),)
