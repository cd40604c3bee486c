"""One turn of the loop (generation) and the job that makes it (round)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base

STAGES = ("snapshot", "train", "score", "validate", "select", "queue")


class Generation(Base):
    __tablename__ = "generation"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    number: Mapped[int]
    """0 is the first queue, chosen before there was a model; -1 is screening."""
    model_id: Mapped[int | None] = mapped_column(ForeignKey("model.id"))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshot.id"))
    policy: Mapped[Json]
    funnel: Mapped[Json]
    """Counts: {"sampled", "graded", "scored", "eligible", "selected", "by_strategy": {...}}."""
    created_at: Mapped[Created]

    __table_args__ = (UniqueConstraint("project_id", "number"),)


class Round(Base):
    """snapshot -> train -> score -> validate -> select -> queue. A failed stage can be resumed:
    what earlier stages made is kept in `made` and not made again."""

    __tablename__ = "round"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    generation: Mapped[int]
    """Number of the generation it will queue."""
    config: Mapped[Json]
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    stage: Mapped[str] = mapped_column(server_default="snapshot", default="snapshot")
    made: Mapped[Json]
    """{"snapshot_id", "training_run_id", "model_id", "scoring_run_id", "gate", "generation_id"} as they come.
    "gate": what validation found of the model, and what is done instead of the policy (gate.py)."""
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    started_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
    cancel_requested_at: Mapped[Moment | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name="state",
        ),
        CheckConstraint(
            "stage IN ('snapshot', 'train', 'score', 'validate', 'select', 'queue')", name="stage"
        ),
        Index(
            "uq_round_one_active",
            "project_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )
