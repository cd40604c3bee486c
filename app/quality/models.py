"""What waits for a second look, what an adjudicator decided on it, and how far people agree, as it was
counted last."""

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
    at: Mapped[Created]
    knew: Mapped[str] = mapped_column(default="nothing")
    """What the adjudicator knew of the labels: nothing (blind), own (their own submission), opened (on
    another page), shown (revealed while deciding); unknown for decisions before this was recorded."""
    asked_for: Mapped[Json]
    """Why it was in the queue: {"disagreement": .., "flagged": .., "model": ..}."""

    __table_args__ = (
        CheckConstraint("ratings <@ ARRAY[-1, 0, 1]::smallint[]", name="ratings"),
        CheckConstraint("cardinality(ratings) > 0", name="some"),
        CheckConstraint("knew IN ('nothing', 'own', 'opened', 'shown', 'unknown')", name="knew"),
        Index("ix_adjudication_project_id", "project_id", "at"),
    )


class SecondLook(Base):
    """An adjudication candidate; written by adjudication_queue."""

    __tablename__ = "second_look"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    labelers: Mapped[int]
    disagreement: Mapped[bool]
    flagged: Mapped[bool]
    model: Mapped[bool]
    place: Mapped[int] = mapped_column(
        SmallInteger,
        Computed("CASE WHEN disagreement THEN 0 ELSE 2 END + CASE WHEN flagged THEN 0 ELSE 1 END"),
    )
    """Disagreements come first, then flags; then by solution."""

    __table_args__ = (
        CheckConstraint("disagreement OR flagged OR model", name="why"),
        Index("ix_second_look_place", "project_id", "place", "solution_id"),
    )


class LookAgain(Base):
    """A solution whose submissions changed since its last refresh. A database trigger on assignments writes
    it. It has no foreign keys, because their checks would double the time to import assignments; a row of
    a deleted solution is dropped when it is read."""

    __tablename__ = "look_again"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(BigInteger, index=True)
    solution_id: Mapped[int] = mapped_column(BigInteger)


class LookedOver(Base):
    """The model and scoring run of the last scan of all labels; no row if there was none."""

    __tablename__ = "looked_over"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int | None] = mapped_column(BigInteger)
    scoring_run_id: Mapped[int | None] = mapped_column(BigInteger)
    """The newest that had ended: a later one may have scored what this one had not."""


class Agreement(Run):
    """The run that counts a project's figures of agreement, queued again whenever they are old; and what
    the figures were counted from. `progress`: {"phase", "done", "total"}."""

    __tablename__ = "agreement"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    asked_at: Mapped[Created]
    counted_at: Mapped[Moment | None]
    submissions: Mapped[int] = mapped_column(server_default="0", default=0)
    """Submitted when it was counted; with `last_at` it tells whether anything came since."""
    last_at: Mapped[Moment | None]

    __mapper_args__ = {"polymorphic_identity": "agreement", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = ()


Index("uq_run_agreement", Run.project_id, unique=True, postgresql_where=text("kind = 'agreement'"))


class AgreementFigure(Base):
    """One figure: of the project, of a generation, of a labeler with all others, of a pair."""

    __tablename__ = "agreement_figure"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    about: Mapped[str]
    generation: Mapped[int | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    other_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    measure: Mapped[str]
    value: Mapped[float | None] = mapped_column(Float)
    low: Mapped[float | None] = mapped_column(Float)
    high: Mapped[float | None] = mapped_column(Float)
    pairs: Mapped[int]
    solutions: Mapped[int]
    newest: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    """The newest of the solutions it rests on, newest first."""

    __table_args__ = (
        CheckConstraint("about IN ('project', 'generation', 'labeler', 'pair')", name="about"),
        CheckConstraint("measure IN ('alpha', 'first_error', 'kappa')", name="measure"),
        Index(
            "uq_agreement_figure_about",
            "project_id",
            "about",
            "generation",
            "user_id",
            "other_id",
            "measure",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )
