"""PURE: intervals by resampling problems (the percentile bootstrap). Solutions of one problem
hang together, so problems are drawn, never solutions. The same draw serves every column, and
both sides of a comparison: what is hard for both does not blur their difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.common.array_statistics import Floats, percentile_bounds

RESAMPLES = 1_000


@dataclass(frozen=True)
class Interval:
    """Arrays over the columns of what was given: the mean and the ends of its 95 % interval."""

    mean: Floats
    low: Floats
    high: Floats

    def as_json(self) -> dict[str, Any]:
        return {name: round_values(getattr(self, name)) for name in ("mean", "low", "high")}


def round_values(values: Floats, digits: int = 6) -> list[float]:
    return [round(float(value), digits) for value in values]


def draw_resamples(problems: int, *, times: int = RESAMPLES, seed: int = 0) -> Floats:
    """[times, problems]: how often each problem is drawn, over the number of problems."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(problems, np.full(problems, 1 / problems), size=times) / problems


def mean_interval(values: Floats, *, times: int = RESAMPLES, seed: int = 0) -> Interval:
    """Of the mean over problems of `values` [problems, columns]."""
    low, high = percentile_bounds(draw_resamples(len(values), times=times, seed=seed) @ values)
    return Interval(values.mean(axis=0), low, high)


def paired_difference(
    first: Floats, second: Floats, *, times: int = RESAMPLES, seed: int = 0
) -> tuple[Interval, Floats]:
    """Of the mean of second - first, both [problems, columns] over the same problems; and, by
    column, the share of resamples in which the second is better (half for equal)."""
    difference = second - first
    resampled = draw_resamples(len(difference), times=times, seed=seed) @ difference
    low, high = percentile_bounds(resampled)
    better = (resampled > 0).mean(axis=0) + 0.5 * (resampled == 0).mean(axis=0)
    return Interval(difference.mean(axis=0), low, high), better
