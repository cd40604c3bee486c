"""Tables of adjudication and of agreement between labelers."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    Float,
    ForeignKey,
    Index,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base
from app.core.run_models import Run


class Adjudication(Base):
    """A decision, which overrides the labels in snapshots. The original labels are kept."""

    __tablename__ = "adjudication"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), unique=True)
    ratings: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """From the first step up to the first negative one, or to the last."""
    reason: Mapped[str]
    decided_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    exposure: Mapped[str] = mapped_column(default="none")
    """What the adjudicator knew of the labels: none (blind), own (their own submission), page (seen on
    another page), reveal (shown while deciding). Unknown for decisions before this was recorded."""
    queue_reasons: Mapped[Json]
    """Why the solution was in the queue: {"disagreement", "flagged", "model_disagreement"}."""

    __table_args__ = (
        CheckConstraint("ratings <@ ARRAY[-1, 0, 1]::smallint[]", name="ratings"),
        CheckConstraint("cardinality(ratings) > 0", name="not_empty"),
        CheckConstraint("exposure IN ('none', 'own', 'page', 'reveal', 'unknown')", name="exposure"),
        Index("ix_adjudication_project_id", "project_id", "created_at"),
    )


class AdjudicationCandidate(Base):
    """An adjudication candidate; written by adjudication_queue."""

    __tablename__ = "adjudication_candidate"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    labelers: Mapped[int]
    disagreement: Mapped[bool]
    flagged: Mapped[bool]
    model_disagreement: Mapped[bool]
    priority: Mapped[int] = mapped_column(
        SmallInteger,
        Computed("CASE WHEN disagreement THEN 0 ELSE 2 END + CASE WHEN flagged THEN 0 ELSE 1 END"),
    )
    """Disagreements come first, then flags; then by solution."""

    __table_args__ = (
        CheckConstraint("disagreement OR flagged OR model_disagreement", name="reason"),
        Index("ix_adjudication_candidate_priority", "project_id", "priority", "solution_id"),
    )


class AdjudicationRecheck(Base):
    """A solution whose submissions changed since its last refresh. A database trigger on assignments writes
    it. It has no foreign keys, because their checks would double the time to import assignments; a row of
    a deleted solution is dropped when it is read."""

    __tablename__ = "adjudication_recheck"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(BigInteger, index=True)
    solution_id: Mapped[int] = mapped_column(BigInteger)


class AdjudicationScan(Base):
    """The model and scoring run of the last scan of all labels; no row if there was none."""

    __tablename__ = "adjudication_scan"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int | None] = mapped_column(BigInteger)
    scoring_run_id: Mapped[int | None] = mapped_column(BigInteger)
    """The newest that had succeeded. A later run may have scored more solutions."""


class AgreementReport(Run):
    """The run that computes a project's agreement, and the submissions that the values cover. The run is
    queued again when the values are out of date. `progress`: {"phase", "done", "total"}."""

    __tablename__ = "agreement_report"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    requested_at: Mapped[Created]
    computed_at: Mapped[Moment | None]
    submissions: Mapped[int] = mapped_column(server_default="0", default=0)
    """Submissions at `computed_at`; with `last_submission_at` they show whether any changed since."""
    last_submission_at: Mapped[Moment | None]

    __mapper_args__ = {"polymorphic_identity": "agreement", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = ()


Index("uq_run_agreement", Run.project_id, unique=True, postgresql_where=text("kind = 'agreement'"))


class AgreementValue(Base):
    """A measure of the project, a generation, a labeler with all others, or a pair of labelers."""

    __tablename__ = "agreement_value"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    scope: Mapped[str]
    generation: Mapped[int | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    other_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    measure: Mapped[str]
    value: Mapped[float | None] = mapped_column(Float)
    low: Mapped[float | None] = mapped_column(Float)
    high: Mapped[float | None] = mapped_column(Float)
    pairs: Mapped[int]
    solutions: Mapped[int]
    newest_solution_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    """The newest solutions that the value is computed from, newest first."""

    __table_args__ = (
        CheckConstraint("scope IN ('project', 'generation', 'labeler', 'pair')", name="scope"),
        CheckConstraint("measure IN ('alpha', 'first_error', 'kappa')", name="measure"),
        Index(
            "uq_agreement_value_scope",
            "project_id",
            "scope",
            "generation",
            "user_id",
            "other_id",
            "measure",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )
