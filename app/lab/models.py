"""A search as a row: one problem that is watched, or many that give curves of accuracy by budget."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.columns import Created, Json, Key, Moment
from app.core.db import Base


class SearchRun(Base):
    """A model's search with a generator. With a problem it is watched, and its tree is kept; without
    one it goes through many problems (lab/config.py) and each leaves a `SearchOutcome`."""

    __tablename__ = "search_run"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), index=True)
    generator_id: Mapped[int] = mapped_column(ForeignKey("generator.id", ondelete="CASCADE"), index=True)
    problem_id: Mapped[int | None] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), index=True)
    config: Mapped[Json]
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    progress: Mapped[Json]
    """Live: {"phase", "done", "total", "round", "costs"}."""
    tree: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """As far as it has grown: {"nodes": [...], "left_out"}; lab/keeping.py bounds it."""
    results: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    started_at: Mapped[Moment | None]
    heartbeat_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
        CheckConstraint("(state = 'succeeded') = (results IS NOT NULL)", name="results"),
    )


class SearchOutcome(Base):
    """What every strategy made of one problem, at every budget. Written once, so that a run that
    was broken off goes on with the next problem."""

    __tablename__ = "search_outcome"

    search_run_id: Mapped[int] = mapped_column(
        ForeignKey("search_run.id", ondelete="CASCADE"), primary_key=True
    )
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), primary_key=True)
    values: Mapped[Json]
    """{"pass_at_1", "mean_score", "samples_right", "sample_tokens", "right": {strategy: [by budget]},
    "tokens": {...}, "read": {...}}."""
