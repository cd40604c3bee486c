"""Tables of test-time search: single searches and budget sweeps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Json
from app.core.db import Base
from app.core.run_models import Run


class SearchRun(Run):
    """A search with a model and a generator. A search of one problem stores its tree. A sweep over many
    problems (lab/config.py) stores a `ProblemResult` for each. `progress`: {"phase", "done", "total",
    "round", "costs"}."""

    __tablename__ = "search_run"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), index=True)
    generator_id: Mapped[int] = mapped_column(ForeignKey("generator.id", ondelete="CASCADE"), index=True)
    problem_id: Mapped[int | None] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), index=True)
    tree: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The current tree: {"nodes": [...], "left_out"}. lab/tree_json.py limits its size."""

    __mapper_args__ = {"polymorphic_identity": "search", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = ()


class ProblemResult(Base):
    """The metrics of one problem by method and budget. Written once, so an interrupted sweep continues with
    the next problem."""

    __tablename__ = "search_result"

    search_run_id: Mapped[int] = mapped_column(
        ForeignKey("search_run.run_id", ondelete="CASCADE"), primary_key=True
    )
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), primary_key=True)
    metrics: Mapped[Json]
    """{"pass_at_1", "mean_score", "samples_right", "sample_tokens", "right": {strategy: [by budget]},
    "tokens": {...}, "read": {...}}."""
