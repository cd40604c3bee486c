"""PURE: the log score of a prefix from p(correct) of its steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

SMALLEST = 1e-12


def log_score(correct: Sequence[float], aggregate: str) -> float:
    """Log of the aggregated step probabilities. Product and minimum: Lightman et al. 2023, appendix F;
    last: Snell et al. 2024, section 5.1. Raises ValueError for no steps or an unknown aggregate."""
    if not correct:
        raise ValueError("a prefix without steps has no score")
    values = [max(value, SMALLEST) for value in correct]
    if aggregate == "product":
        return math.fsum(math.log(value) for value in values)
    if aggregate == "minimum":
        return math.log(min(values))
    if aggregate == "last":
        return math.log(values[-1])
    if aggregate == "mean":
        return math.log(math.fsum(values) / len(values))
    raise ValueError(f"unknown aggregate {aggregate!r}")
