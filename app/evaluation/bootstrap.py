"""PURE: intervals by resampling problems (percentile bootstrap). Solutions of one problem are not
independent, so problems are resampled. All columns and both sides of a comparison share the resamples, so
problems that are hard for both sides do not blur the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.common.array_statistics import Floats, percentile_bounds

RESAMPLES = 1_000


@dataclass(frozen=True)
class Interval:
    """Arrays [columns]: the mean and the ends of its 95% interval."""

    mean: Floats
    low: Floats
    high: Floats

    def as_json(self) -> dict[str, Any]:
        return {name: round_values(getattr(self, name)) for name in ("mean", "low", "high")}


def round_values(values: Floats, digits: int = 6) -> list[float]:
    return [round(float(value), digits) for value in values]


def draw_resamples(problems: int, *, times: int = RESAMPLES, seed: int = 0) -> Floats:
    """[times, problems]: the weight of each problem. Rows sum to 1."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(problems, np.full(problems, 1 / problems), size=times) / problems


def mean_interval(values: Floats, *, times: int = RESAMPLES, seed: int = 0) -> Interval:
    """The interval of the mean over problems. values: [problems, columns]."""
    low, high = percentile_bounds(draw_resamples(len(values), times=times, seed=seed) @ values)
    return Interval(values.mean(axis=0), low, high)


def paired_difference(
    first: Floats, second: Floats, *, times: int = RESAMPLES, seed: int = 0
) -> tuple[Interval, Floats]:
    """The interval of the mean of second - first, both [problems, columns] over the same problems, and by
    column the share of resamples in which the second is better. Ties count half."""
    difference = second - first
    resampled = draw_resamples(len(difference), times=times, seed=seed) @ difference
    low, high = percentile_bounds(resampled)
    better = (resampled > 0).mean(axis=0) + 0.5 * (resampled == 0).mean(axis=0)
    return Interval(difference.mean(axis=0), low, high), better
