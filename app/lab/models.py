"""A search as a row: one problem that is watched, or many that give curves of accuracy by budget."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import RESULTS, STATE, Json, RunColumns
from app.core.db import Base


class SearchRun(RunColumns, Base):
    """A model's search with a generator. With a problem it is watched, and its tree is kept; without
    one it goes through many problems (lab/config.py) and each leaves a `SearchOutcome`. `progress` is live:
    {"phase", "done", "total", "round", "costs"}."""

    __tablename__ = "search_run"

    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), index=True)
    generator_id: Mapped[int] = mapped_column(ForeignKey("generator.id", ondelete="CASCADE"), index=True)
    problem_id: Mapped[int | None] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), index=True)
    config: Mapped[Json]
    tree: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """As far as it has grown: {"nodes": [...], "left_out"}; lab/tree_json.py bounds it."""
    results: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        CheckConstraint(STATE, name="state"),
        CheckConstraint(RESULTS, name="results"),
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
