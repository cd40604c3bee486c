"""Tasks, leases on them, rating events, and the label each finished assignment left."""

from __future__ import annotations

import uuid

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base
from app.problems.models import Solution

KINDS = ("regular", "gold", "screening")
FINISH_REASONS = ("solution", "found_error", "bad_problem", "give_up")


class Task(Base):
    """A solution that waits for, or has, labelers. `taken` counts leases and
    submissions and is only changed with the row locked (labeling/claims.py)."""

    __tablename__ = "task"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(server_default="regular", default="regular")
    generation: Mapped[int | None]
    """Number of the generation that chose it; null for PRM800K's phase 1, -1 screening."""
    priority: Mapped[float] = mapped_column(server_default="0", default=0.0)
    """Higher first."""
    overlap: Mapped[int] = mapped_column(SmallInteger, server_default="1", default=1)
    taken: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    reason: Mapped[Json]
    """Why it was queued: {"strategy", "score", "rank", "model_id"}."""
    created_at: Mapped[Created]
    withdrawn_at: Mapped[Moment | None]

    solution: Mapped[Solution] = relationship()

    __table_args__ = (
        CheckConstraint("kind IN ('regular', 'gold', 'screening')", name="kind"),
        CheckConstraint("taken BETWEEN 0 AND overlap", name="taken"),
        Index(
            "uq_task_solution_id_kind_generation",
            "solution_id",
            "kind",
            "generation",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_task_waiting",
            "project_id",
            text("priority DESC"),
            "id",
            postgresql_where=text("taken < overlap AND withdrawn_at IS NULL"),
        ),
        Index("ix_task_project_id_generation", "project_id", "generation"),
        Index("ix_task_known", "project_id", "kind", postgresql_where=text("kind <> 'regular'")),
    )


class Assignment(Base):
    """One labeler's lease on a task and, after submission, the finished judgement."""

    __tablename__ = "assignment"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    state: Mapped[str]
    """reserved (prefetched) -> leased (on screen) -> submitted; expired when the lease ran out."""
    lease_expires_at: Mapped[Moment | None]
    created_at: Mapped[Created]
    submitted_at: Mapped[Moment | None]
    finish_reason: Mapped[str | None]
    comment: Mapped[str] = mapped_column(server_default="", default="")
    """The labeler's reason for bad_problem and give_up."""
    total_time_ms: Mapped[int | None]
    active_time_ms: Mapped[int | None]
    shown: Mapped[Json]
    """What policy let the labeler see: {"reference_answer": bool, "mode": ...}."""
    origin: Mapped[dict | None] = mapped_column(JSONB)
    """Of an imported row: what its canonical form cannot carry, so that it comes back equal."""
    external_id: Mapped[str | None]
    """Of an imported row: its content's hash, unique in the project: importing twice adds nothing."""

    task: Mapped[Task] = relationship()

    __table_args__ = (
        UniqueConstraint("task_id", "user_id"),
        CheckConstraint("state IN ('reserved', 'leased', 'submitted', 'expired')", name="state"),
        CheckConstraint(
            "finish_reason IN ('solution', 'found_error', 'bad_problem', 'give_up')",
            name="finish_reason",
        ),
        CheckConstraint(
            "(state = 'submitted') = (finish_reason IS NOT NULL AND submitted_at IS NOT NULL)",
            name="submitted",
        ),
        CheckConstraint(
            "(state IN ('reserved', 'leased')) = (lease_expires_at IS NOT NULL)",
            name="lease",
        ),
        Index(
            "uq_assignment_one_lease",
            "user_id",
            "project_id",
            "state",
            unique=True,
            postgresql_where=text("state IN ('reserved', 'leased')"),
        ),
        Index(
            "ix_assignment_lease_expires_at",
            "project_id",
            "lease_expires_at",
            postgresql_where=text("state IN ('reserved', 'leased')"),
        ),
        Index("ix_assignment_user_id_submitted_at", "user_id", "submitted_at"),
        Index(
            "uq_assignment_project_id_external_id",
            "project_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_assignment_project_id_submitted_at", "project_id", "submitted_at"),
    )


class RatingEvent(Base):
    """One thing the labeler did, append-only. The newest event of a (position,
    candidate) is its current rating; rating and flagged both null take it back. One with
    `chosen` says of a candidate that the walk goes on with it (or no longer), one with
    `written` is the labeler's own step (empty: taken back); these rate nothing."""

    __tablename__ = "rating_event"

    id: Mapped[Key]
    event_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Made in the browser, so that a retry never doubles it."""
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    candidate: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    flagged: Mapped[bool | None]
    chosen: Mapped[bool | None]
    written: Mapped[str | None]
    active_ms: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    client_at: Mapped[Moment | None]
    at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("rating IN (-1, 0, 1)", name="rating"),
        CheckConstraint("position >= 0 AND candidate >= 0", name="place"),
    )


class StepLabel(Base):
    """What a finished assignment says of one position: PRM800K's `label.steps[i]`.

    `ratings` and `flags` run over the candidates; null where the row had
    `completions: null`. `texts` is null where the one candidate is the solution's step.
    What it says of the solution's own steps is read through the view own_step_label."""

    __tablename__ = "step_label"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    texts: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    ratings: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    flags: Mapped[list[bool | None] | None] = mapped_column(ARRAY(Boolean))
    chosen: Mapped[int | None] = mapped_column(SmallInteger)
    human_text: Mapped[str | None]
    human_flagged: Mapped[bool | None]

    __table_args__ = (
        CheckConstraint("array_remove(ratings, NULL) <@ ARRAY[-1, 0, 1]::smallint[]", name="ratings"),
        CheckConstraint("cardinality(ratings) = cardinality(flags)", name="flags"),
        CheckConstraint("cardinality(texts) = cardinality(ratings)", name="texts"),
        CheckConstraint("chosen >= 0 AND chosen < cardinality(ratings)", name="chosen"),
        Index(
            "ix_step_label_may_leave",
            "assignment_id",
            "position",
            postgresql_where=text("texts IS NOT NULL OR human_text IS NOT NULL"),
        ),
    )
