"""What labelers record about steps: rating events, the step labels of a submission, and notes."""

from __future__ import annotations

import uuid

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Key, Moment
from app.core.db import Base


class RatingEvent(Base):
    """One act of a labeler, append-only. The newest rating of a (position, candidate) is the current
    one; a rating with `rating` and `flagged` null removes it. An event with `chosen` continues the
    path with a candidate (or no longer does). One with `human_text` writes a correct step; an empty
    text removes it."""

    __tablename__ = "rating_event"

    id: Mapped[Key]
    event_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Created in the browser, so that a retry never records the event twice."""
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    candidate: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    flagged: Mapped[bool | None]
    chosen: Mapped[bool | None]
    human_text: Mapped[str | None]
    active_ms: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    client_created_at: Mapped[Moment | None]
    created_at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("rating IN (-1, 0, 1)", name="rating"),
        CheckConstraint("position >= 0 AND candidate >= 0", name="position"),
    )


class StepLabel(Base):
    """The frozen label of one position after submission: PRM800K's `label.steps[i]`.

    `ratings` and `flags` list the candidates. They are null where a PRM800K row had
    `completions: null`. `texts` is null where the only candidate is the solution's own step. Read the
    label of the solution's own steps through the view solution_step_label (labeling/sql_views.py)."""

    __tablename__ = "step_label"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    texts: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    ratings: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    flags: Mapped[list[bool | None] | None] = mapped_column(ARRAY(Boolean))
    chosen: Mapped[int | None] = mapped_column(SmallInteger)
    human_text: Mapped[str | None]
    human_flagged: Mapped[bool | None]

    __table_args__ = (
        CheckConstraint("array_remove(ratings, NULL) <@ ARRAY[-1, 0, 1]::smallint[]", name="ratings"),
        CheckConstraint("cardinality(ratings) = cardinality(flags)", name="flags"),
        CheckConstraint("cardinality(texts) = cardinality(ratings)", name="texts"),
        CheckConstraint("chosen >= 0 AND chosen < cardinality(ratings)", name="chosen"),
        Index(
            "ix_step_label_may_leave",
            "assignment_id",
            "position",
            postgresql_where=text("texts IS NOT NULL OR human_text IS NOT NULL"),
        ),
    )


class StepNote(Base):
    """A labeler's note on a step, append-only. The newest note of a (position, candidate) is the
    current one; an empty text removes it. Notes are not part of a label."""

    __tablename__ = "step_note"

    id: Mapped[Key]
    note_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    """Created in the browser, so that a retry never records the note twice."""
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    candidate: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    text: Mapped[str]
    created_at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("position >= 0 AND candidate >= 0", name="position"),
        CheckConstraint("length(text) <= 2000", name="text"),
    )
