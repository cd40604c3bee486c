"""PURE: does a model find the first wrong step? ProcessBench's measure (Zheng et al. 2024,
section 3): on solutions with an error, how often exactly its first wrong step is named; on
solutions without, how often none is; F1 is the harmonic mean of the two accuracies. Subsets are
reported apart and averaged plainly.

The first step whose p(negative) is over a threshold is named. The threshold is tuned on data
that is not scored: each fold of problems is judged by the threshold that is best on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NO_ERROR = -1
DEFAULT_THRESHOLD = 0.5
"""The threshold where there is nothing to tune on."""


@dataclass(frozen=True)
class ThresholdWindows:
    """For each solution, the thresholds t at which the model is right of it: low <= t < high."""

    low: Floats
    high: Floats
    wrong: NDArray[np.bool_]
    """Solutions that have an error."""

    def subset(self, chosen: Any) -> ThresholdWindows:
        return ThresholdWindows(self.low[chosen], self.high[chosen], self.wrong[chosen])


def predict_first_error(p_negative: Floats, threshold: float) -> int:
    """Position of the first step over the threshold, 0-based; -1 for none."""
    over = np.flatnonzero(p_negative > threshold)
    return int(over[0]) if len(over) else NO_ERROR


def threshold_windows(p_negative: Sequence[Floats], truth: Sequence[int]) -> ThresholdWindows:
    """`truth[s]` is the first wrong step of solution s, -1 for none. The error at e is named
    exactly when every step before it stays at or under t and e is over it. ValueError for a
    position the solution does not have."""
    low, high = [], []
    for steps, position in zip(p_negative, truth, strict=True):
        if position >= len(steps) or position < NO_ERROR:
            raise ValueError(f"there is no step {position} in a solution of {len(steps)} steps")
        before = steps if position == NO_ERROR else steps[:position]
        low.append(float(before.max(initial=0.0)))
        high.append(np.inf if position == NO_ERROR else float(steps[position]))
    return ThresholdWindows(np.array(low), np.array(high), np.array(truth) != NO_ERROR)


def first_error_f1(hit: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> dict[str, Any]:
    """`hit`: the first error was named exactly, or none where there is none. An accuracy
    without a solution to measure it on is null, and so is F1 then."""
    on_wrong = float(hit[wrong].mean()) if wrong.any() else None
    on_right = float(hit[~wrong].mean()) if (~wrong).any() else None
    return {
        "f1": None if on_wrong is None or on_right is None else harmonic_mean(on_wrong, on_right),
        "on_wrong": on_wrong,
        "on_right": on_right,
        "wrong": int(wrong.sum()),
        "right": int((~wrong).sum()),
    }


def harmonic_mean(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second else 0.0


def tune_threshold(windows: ThresholdWindows) -> float:
    """The threshold with the highest F1, the middle of the range that reaches it (the lowest
    such range); DEFAULT where one of the two kinds of solution is missing."""
    if windows.wrong.all() or not windows.wrong.any():
        return DEFAULT_THRESHOLD
    edges = np.unique(np.concatenate([[0.0], windows.low, windows.high[np.isfinite(windows.high)]]))
    on_wrong = _count_hits(windows.subset(windows.wrong), edges)
    on_right = _count_hits(windows.subset(~windows.wrong), edges)
    total = on_wrong + on_right
    reached = np.divide(2 * on_wrong * on_right, total, out=np.zeros_like(total), where=total > 0)
    best = int(reached.argmax())
    return float((edges[best] + (edges[best + 1] if best + 1 < len(edges) else 1.0)) / 2)


def _count_hits(windows: ThresholdWindows, thresholds: Floats) -> Floats:
    """The share of windows that hold each threshold."""
    held = windows.low < windows.high
    begun = np.searchsorted(np.sort(windows.low[held]), thresholds, side="right")
    ended = np.searchsorted(np.sort(windows.high[held]), thresholds, side="right")
    shares: Floats = (begun - ended) / len(windows.low)
    return shares


def assign_folds(problems: Ints, count: int, seed: int) -> Ints:
    """A fold for each entry; the entries of one problem share it."""
    unique, place = np.unique(problems, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(unique)) % count
    return dealt[place]


def cross_tune(windows: ThresholdWindows, fold: Ints) -> tuple[NDArray[np.bool_], dict[int, float]]:
    """Which solutions are judged rightly, each at the threshold tuned on the other folds; and
    the threshold that each fold was judged by."""
    hit = np.zeros(len(fold), dtype=bool)
    used: dict[int, float] = {}
    for number in np.unique(fold):
        in_fold = fold == number
        used[int(number)] = (
            tune_threshold(windows.subset(~in_fold)) if (~in_fold).any() else DEFAULT_THRESHOLD
        )
        hit[in_fold] = (windows.low[in_fold] <= used[int(number)]) & (
            used[int(number)] < windows.high[in_fold]
        )
    return hit, used


def mean_f1(subsets: Sequence[dict[str, Any]]) -> float | None:
    """The plain mean over the subsets that have an F1."""
    scores = [subset["f1"] for subset in subsets if subset["f1"] is not None]
    return sum(scores) / len(scores) if scores else None
