"""The stored histogram. Counting a million scores takes a second, so it is done once a scoring."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created
from app.core.db import Base


class ScoreHistogram(Base):
    """How many of a model's solutions of one split and verdict have a score in each bin."""

    __tablename__ = "score_histogram"

    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    verdict: Mapped[str] = mapped_column(primary_key=True)
    """As on the solution; `ungraded` where it has none."""
    bins: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    """Counts, from score 0 to 1 in equal steps; a score of 1 is in the last."""
    at: Mapped[Created]

    __table_args__ = (CheckConstraint("cardinality(bins) = 20", name="bins"),)
