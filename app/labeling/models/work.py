"""Tasks, and the assignments that labelers claim on them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base
from app.problems.models import Solution

TASK_KINDS = ("regular", "gold", "screening")
FINISH_REASONS = ("solution", "found_error", "bad_problem", "give_up")


class Task(Base):
    """A queued solution. `assigned_count` counts leases and submissions. It only changes while the
    row is locked (labeling/claims.py)."""

    __tablename__ = "task"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(server_default="regular", default="regular")
    generation: Mapped[int | None]
    """Number of the generation that selected it. Null for PRM800K's phase 1, -1 for its screening."""
    priority: Mapped[float] = mapped_column(server_default="0", default=0.0)
    """Higher first."""
    overlap: Mapped[int] = mapped_column(SmallInteger, server_default="1", default=1)
    assigned_count: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    reason: Mapped[Json]
    """Why it was queued: {"strategy", "score", "rank", "model_id"}."""
    created_at: Mapped[Created]
    withdrawn_at: Mapped[Moment | None]

    solution: Mapped[Solution] = relationship()

    __table_args__ = (
        CheckConstraint("kind IN ('regular', 'gold', 'screening')", name="kind"),
        CheckConstraint("assigned_count BETWEEN 0 AND overlap", name="assigned_count"),
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
            postgresql_where=text("assigned_count < overlap AND withdrawn_at IS NULL"),
        ),
        Index("ix_task_project_id_generation", "project_id", "generation"),
        Index("ix_task_control", "project_id", "kind", postgresql_where=text("kind <> 'regular'")),
    )


class Assignment(Base):
    """One labeler's claim on a task and, after submission, the finished work."""

    __tablename__ = "assignment"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    state: Mapped[str]
    """reserved (prefetched) -> leased (on screen) -> submitted; expired when the lease ends without
    a submission."""
    lease_expires_at: Mapped[Moment | None]
    created_at: Mapped[Created]
    submitted_at: Mapped[Moment | None]
    finish_reason: Mapped[str | None]
    comment: Mapped[str] = mapped_column(server_default="", default="")
    """The labeler's reason for bad_problem and give_up."""
    total_time_ms: Mapped[int | None]
    active_time_ms: Mapped[int | None]
    mode: Mapped[str | None]
    """The project's labeling mode when the task was claimed. Null for imported submissions."""
    instructions_version: Mapped[int | None]
    """The newest instructions when the lease began; 0 if there were none. Null if imported."""
    reference_shown: Mapped[bool] = mapped_column(server_default="false", default=False)
    """Whether the reference answer was visible while labeling."""
    has_notes: Mapped[bool] = mapped_column(server_default="false", default=False)
    reopen_count: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    gold_feedback: Mapped[bool] = mapped_column(server_default="false", default=False)
    """Whether the labeler saw the control answer after submission."""
    reference_verdict: Mapped[str | None]
    """What the labeler thinks of the reference answer, where the desk asked: incorrect or unsure."""
    import_origin: Mapped[dict | None] = mapped_column(JSONB)
    """For an imported row: what its canonical form cannot carry, so that exports restore it."""
    external_id: Mapped[str | None]
    """For an imported row: the hash of its content, unique in the project, so that a second import
    adds nothing."""

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
        CheckConstraint("reference_verdict IN ('incorrect', 'unsure')", name="reference_verdict"),
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
