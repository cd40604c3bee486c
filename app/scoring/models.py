"""Tables of scoring runs, their shards, and scores."""

from __future__ import annotations

from sqlalchemy import ARRAY, REAL, BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Moment
from app.core.db import Base
from app.core.run_models import Run


class ScoringRun(Run):
    """`config`: {"neutral_is_positive": true, "aggregate": "product", "splits": [...]}."""

    __tablename__ = "scoring_run"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), index=True)
    total: Mapped[int] = mapped_column(server_default="0", default=0)
    """Solutions."""
    done: Mapped[int] = mapped_column(server_default="0", default=0)

    __mapper_args__ = {"polymorphic_identity": "scoring", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = ()


class ScoringShard(Base):
    """A range of solution ids, taken by any worker with FOR UPDATE SKIP LOCKED."""

    __tablename__ = "scoring_shard"

    scoring_run_id: Mapped[int] = mapped_column(
        ForeignKey("scoring_run.run_id", ondelete="CASCADE"), primary_key=True
    )
    first_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger)
    solutions: Mapped[int]
    done_at: Mapped[Moment | None]


class Score(Base):
    __tablename__ = "score"

    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), primary_key=True)
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    problem_id: Mapped[int] = mapped_column(BigInteger)
    log_score: Mapped[float] = mapped_column(REAL)
    """Natural log of the solution score the scoring run's config names (product by default)."""
    step_probs: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """p(negative), p(neutral), p(positive) of each step in turn; 3 x steps values."""

    __table_args__ = (
        CheckConstraint("mod(cardinality(step_probs), 3) = 0", name="step_probs"),
        Index(
            "ix_score_model_id_log_score",
            "model_id",
            text("log_score DESC"),
            "solution_id",
            postgresql_include=["problem_id"],
        ),
    )
