"""Tables of evaluation sets, evaluations and comparisons."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Json, Key
from app.core.db import Base
from app.core.run_models import Run


class EvaluationSet(Base):
    """A frozen copy of verdicts, first errors and ratings; `hash` covers all of them. Later models are not
    trained on its problems."""

    __tablename__ = "evaluation_set"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    is_default: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether rounds evaluate their models on this set."""
    definition: Mapped[Json]
    """Selects the solutions: {"splits", "subject", "level", "source", "least_solutions", ...}."""
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    counts: Mapped[Json]
    """{"problems", "solutions", "correct", "incorrect", "first_errors", ...}, once frozen."""
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'succeeded', 'failed')", name="state"),
        CheckConstraint("(state = 'succeeded') = (hash IS NOT NULL)", name="hash"),
        UniqueConstraint("project_id", "name"),
        Index(
            "uq_evaluation_set_one_default", "project_id", unique=True, postgresql_where=text("is_default")
        ),
    )


class EvaluationItem(Base):
    """A solution of a set with its frozen verdict and labels."""

    __tablename__ = "evaluation_item"

    evaluation_set_id: Mapped[int] = mapped_column(
        ForeignKey("evaluation_set.id", ondelete="CASCADE"), primary_key=True
    )
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), index=True)
    verdict: Mapped[str | None]
    answer: Mapped[int] = mapped_column(SmallInteger)
    """Equal for equal answers of one problem, by the grader; 0 is the reference answer, -1 no answer."""
    first_error: Mapped[int | None] = mapped_column(SmallInteger)
    """0-based; -1 for no error; null without a label."""
    ratings: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    """-1, 0 or 1 per step; null without a rating or a majority."""

    __table_args__ = (
        CheckConstraint("verdict IN ('correct', 'incorrect', 'unparseable')", name="verdict"),
        CheckConstraint("first_error >= -1 AND answer >= -1", name="positions"),
    )


class Evaluation(Run):
    """The evaluation of a model, or of external scores, on a set. `progress`: {"phase", "done", "total"}."""

    __tablename__ = "evaluation"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    evaluation_set_id: Mapped[int] = mapped_column(
        ForeignKey("evaluation_set.id", ondelete="CASCADE"), index=True
    )
    model_id: Mapped[int | None] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), index=True)
    external_score_name: Mapped[str | None]
    """Instead of a model: the name of external scores of the solutions."""
    external_folder: Mapped[str | None]
    """Instead of a model: the folder of an external checkpoint, until it is registered as a model."""
    scoring_run_id: Mapped[int | None] = mapped_column(ForeignKey("scoring_run.run_id", ondelete="SET NULL"))

    __mapper_args__ = {"polymorphic_identity": "evaluation", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(external_score_name, coalesce(model_id::text, external_folder)) = 1", name="subject"
        ),
    )


class EvaluationProblem(Base):
    """The metrics of an evaluation on one problem. Paired comparisons resample them."""

    __tablename__ = "evaluation_problem"

    evaluation_id: Mapped[int] = mapped_column(
        ForeignKey("evaluation.run_id", ondelete="CASCADE"), primary_key=True
    )
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), primary_key=True)
    solutions: Mapped[int]
    correct: Mapped[int]
    mean_score: Mapped[float] = mapped_column(REAL)
    metrics: Mapped[Json]
    """{"n": [...], "best_of": [...], "majority": [...], "pass_at_n": [...], ...}, by subset size."""


class Comparison(Run):
    """A paired comparison of two evaluations on one set."""

    __tablename__ = "comparison"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    first_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("evaluation.run_id", ondelete="CASCADE"))
    second_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("evaluation.run_id", ondelete="CASCADE"), index=True
    )

    __mapper_args__ = {"polymorphic_identity": "comparison", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("first_id <> second_id", name="two"),
        UniqueConstraint("first_id", "second_id"),
    )
