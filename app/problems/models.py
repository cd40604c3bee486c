"""Problems, sampled solutions with their steps, and what is known of their answers.

Steps are an array on the solution, not rows: they never change once sampled, are
always read together, and a claim, a score or an export reads one row, not ten."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.column_types import Created, Json, Key
from app.core.db import Base
from app.core.run_models import Run

SPLITS = ("train", "validation", "test")
VERDICTS = ("correct", "incorrect", "unparseable")
OLD_VERDICTS = {"right": "correct", "wrong": "incorrect"}
"""How files, saved queries and clients of earlier versions spell a verdict."""


class Problem(Base):
    __tablename__ = "problem"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    external_id: Mapped[str]
    """Its name in the file it came from, unique in the project: importing twice adds nothing."""
    statement: Mapped[str]
    statement_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the normalised statement: how duplicates across splits are found."""
    reference_answer: Mapped[str | None]
    reference_solution: Mapped[str | None]
    subject: Mapped[str | None]
    level: Mapped[str | None]
    split: Mapped[str] = mapped_column(server_default="train", default="train")
    source: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("split IN ('train', 'validation', 'test')", name="split"),
        Index(
            "uq_problem_project_id_external_id",
            "project_id",
            "external_id",
            unique=True,
        ),
        Index("ix_problem_project_id_statement_hash", "project_id", "statement_hash"),
        Index(
            "ix_problem_words",
            text("to_tsvector('simple'::regconfig, \"left\"(statement, 20000))"),
            postgresql_using="gin",
        ),
    )


class Solution(Base):
    __tablename__ = "solution"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"))
    external_id: Mapped[str]
    generator: Mapped[str] = mapped_column(server_default="")
    steps: Mapped[list[str]] = mapped_column(ARRAY(Text))
    step_kinds: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    """What each step is, by STEP_KINDS in step_kinds.py; null if all are plain steps."""
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """sha256 of the steps."""
    text_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Equal for solutions that differ by spacing, punctuation or case (problem_keys.py): the queue takes only
    one. Null for solutions of earlier versions, which are compared by their digest."""
    final_answer: Mapped[str | None]
    verdict: Mapped[str | None]
    """The one that counts, by `project.verdict_source`: our grader's, the file's where ours is unparseable or
    the problem has no reference answer; or the other way round. Null until graded. All verdicts, with their
    sources, are in `verdict`."""
    detail: Mapped[Json]
    """What the file said beside it, for instance a published verifier's score."""
    created_at: Mapped[Created]

    problem: Mapped[Problem] = relationship()

    __table_args__ = (
        CheckConstraint("verdict IN ('correct', 'incorrect', 'unparseable')", name="verdict"),
        CheckConstraint("cardinality(steps) > 0", name="steps"),
        CheckConstraint("cardinality(step_kinds) = cardinality(steps)", name="step_kinds"),
        Index(
            "uq_solution_project_id_external_id",
            "project_id",
            "external_id",
            unique=True,
        ),
        Index("ix_solution_problem_id_text_key", "problem_id", text("COALESCE(text_key, digest)")),
        Index(
            "ix_solution_ungraded",
            "project_id",
            "id",
            postgresql_where=text("verdict IS NULL"),
        ),
    )


class Alternative(Base):
    """Another candidate for one position of a solution (its own step there is candidate 0),
    valid only after `prefix`: the candidates chosen at the positions before it. All zeros is
    the solution's own beginning. Made before the task is queued, never while a labeler waits."""

    __tablename__ = "alternative"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    candidate: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    prefix: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    text: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="", default="")

    __table_args__ = (
        CheckConstraint("position >= 0 AND candidate > 0", name="place"),
        CheckConstraint("cardinality(prefix) = position", name="prefix"),
    )


class Verdict(Base):
    """What a source (our grader, or the file a solution came in) says of its final answer."""

    __tablename__ = "verdict"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    """`grader` for ours, else `file:<format>`."""
    verdict: Mapped[str]
    version: Mapped[str] = mapped_column(server_default="")
    at: Mapped[Created]

    __table_args__ = (CheckConstraint("verdict IN ('correct', 'incorrect', 'unparseable')", name="verdict"),)


class GradingRun(Run):
    """All solutions of a project graded again. `results`: {"graded", "changed", "changes"}, where `changes`
    counts solutions by their verdicts before and after."""

    __tablename__ = "grading_run"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    verdict_source: Mapped[str]
    """Whose verdicts count from this run on: `grader` or `file`."""
    grader_version: Mapped[str]

    __mapper_args__ = {"polymorphic_identity": "grading", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = ()


class ExternalLabel(Base):
    """Step judgements that came with a file (ProcessBench: the first wrong step).
    Never shown to a labeler; a source of its own, mixed into nothing unsaid."""

    __tablename__ = "external_label"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    first_error: Mapped[int | None] = mapped_column(SmallInteger)
    """0-based position of the first wrong step, -1 for none, null for unknown."""
    ratings: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))

    @property
    def source_name(self) -> str:
        """The format or mapping that brought it."""
        return self.source.removeprefix("file:")

    def describe(self) -> str:
        if self.first_error is None:
            return "first error unknown"
        return "no error" if self.first_error < 0 else f"first error: step {self.first_error + 1}"

    def rating_at(self, position: int) -> int | None:
        """The rating of a step. Steps before the first error are positive."""
        if self.ratings is not None:
            return self.ratings[position] if position < len(self.ratings) else None
        if self.first_error is None or 0 <= self.first_error < position:
            return None
        return -1 if position == self.first_error else 1
