"""PURE: percentile intervals of resampled values in plain Python, for processes without NumPy. Processes with
NumPy use array_statistics.py."""

from __future__ import annotations

import random
from collections.abc import Sequence


def percentile_bounds(samples: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The ends of the percentile interval of resampled values: the samples nearest to the tails. Raises
    IndexError without samples."""
    ordered = sorted(samples)
    cut = round((1 - level) / 2 * (len(ordered) - 1))
    return ordered[cut], ordered[-1 - cut]


def bootstrap_mean(
    values: Sequence[float], *, times: int = 1_000, seed: int = 0, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of `values`, and the percentile interval of the mean over resamples with replacement. Raises
    ZeroDivisionError without values."""
    chance, count = random.Random(seed), len(values)  # noqa: S311  repeatable, not secret
    mean = sum(values) / count
    means = [sum(chance.choices(values, k=count)) / count for _ in range(times)]
    return mean, *percentile_bounds(means, level)
