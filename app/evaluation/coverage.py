"""PURE: how many of the solutions that a metric is about have a score. A model cannot score a solution that
is longer than its max_length."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Coverage:
    scored: int = 0
    solutions: int = 0
    unscored_problems: int = 0
    """Problems that best-of-N leaves out, because none of their solutions has a score."""

    def add(self, scored: int, solutions: int) -> None:
        self.scored += scored
        self.solutions += solutions

    @property
    def is_mostly_missing(self) -> bool:
        """Fewer than half of the solutions have a score."""
        return 2 * self.scored < self.solutions

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "mostly_missing": self.is_mostly_missing}
