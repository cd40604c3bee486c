"""Generations and the rounds that create them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Json, Key
from app.core.db import Base
from app.core.run_models import Run

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


class Round(Run):
    """snapshot -> train -> score -> validate -> select -> queue. Long stages are child runs. A failed stage
    can be resumed without repeating the earlier stages."""

    __tablename__ = "round"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    generation: Mapped[int]
    """Number of the generation it will queue."""
    stage: Mapped[str] = mapped_column(server_default="snapshot", default="snapshot")
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshot.id"))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("model.id"))
    """Trained by the round, or chosen at its start."""
    gate: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The gate result of the model, and the action that replaces the policy (gate.py)."""
    picks: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """[solution id, reason] each, until they are queued."""
    funnel: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Counts of the selection, until they are the generation's."""
    generation_id: Mapped[int | None] = mapped_column(ForeignKey("generation.id"))
    queued: Mapped[int | None]
    """Solutions."""

    __mapper_args__ = {"polymorphic_identity": "round", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint(
            "stage IN ('snapshot', 'train', 'score', 'validate', 'select', 'queue')", name="stage"
        ),
    )


Index(
    "uq_run_active_round",
    Run.project_id,
    unique=True,
    postgresql_where=text("kind = 'round' AND state IN ('queued', 'running')"),
)
