"""What an adjudicator decided on a solution that people, or people and a model, see differently."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.core.columns import Created, Json, Key
from app.core.db import Base


class Adjudication(Base):
    """The word that counts in snapshots. The labels it stands above are kept as they are."""

    __tablename__ = "adjudication"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), unique=True)
    ratings: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """From the first step up to the first negative one, or to the last."""
    reason: Mapped[str]
    decided_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Created]
    blind: Mapped[bool] = mapped_column(server_default="true", default=True)
    """Whether it was decided before the originals were shown."""
    asked_for: Mapped[Json]
    """Why it was in the queue: {"disagreement": .., "flagged": .., "model": ..}."""

    __table_args__ = (
        CheckConstraint("ratings <@ ARRAY[-1, 0, 1]::smallint[]", name="ratings"),
        CheckConstraint("cardinality(ratings) > 0", name="some"),
        Index("ix_adjudication_project_id", "project_id", "at"),
    )
