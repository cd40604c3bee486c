"""PURE: first-error F1, the metric of ProcessBench (Zheng et al. 2024, section 3).

Error recall is the share of solutions with an error whose first error is predicted exactly. Clean accuracy
is the share of solutions without an error for which none is predicted. F1 is their harmonic mean. Subsets
are reported separately and averaged without weights.

The predicted first error is the first step whose p(negative) exceeds a threshold. Each fold of problems
uses the threshold that is best on the other folds."""

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
"""The threshold without data to tune on."""


@dataclass(frozen=True)
class ThresholdWindows:
    """For each solution, the thresholds t with a correct prediction: low <= t < high."""

    low: Floats
    high: Floats
    wrong: NDArray[np.bool_]
    """Solutions with an error."""

    def subset(self, chosen: Any) -> ThresholdWindows:
        return ThresholdWindows(self.low[chosen], self.high[chosen], self.wrong[chosen])


def predict_first_error(p_negative: Floats, threshold: float) -> int:
    """0-based position of the first step over the threshold; -1 for none."""
    over = np.flatnonzero(p_negative > threshold)
    return int(over[0]) if len(over) else NO_ERROR


def threshold_windows(p_negative: Sequence[Floats], truth: Sequence[int]) -> ThresholdWindows:
    """`truth[s]` is the first error of solution s, -1 for none. The error at e is predicted
    if every step before it is at most t and step e is over t. Raises ValueError for a position outside the
    solution."""
    low, high = [], []
    for steps, position in zip(p_negative, truth, strict=True):
        if position >= len(steps) or position < NO_ERROR:
            raise ValueError(f"there is no step {position} in a solution of {len(steps)} steps")
        before = steps if position == NO_ERROR else steps[:position]
        low.append(float(before.max(initial=0.0)))
        high.append(np.inf if position == NO_ERROR else float(steps[position]))
    return ThresholdWindows(np.array(low), np.array(high), np.array(truth) != NO_ERROR)


def first_error_f1(hit: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> dict[str, Any]:
    """`hit`: the prediction is exact. An accuracy without solutions is None, and so is F1."""
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
    """The threshold with the highest F1: the middle of the lowest range that reaches it.
    DEFAULT_THRESHOLD if solutions with or without an error are missing."""
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
    """Share of windows that contain each threshold."""
    held = windows.low < windows.high
    begun = np.searchsorted(np.sort(windows.low[held]), thresholds, side="right")
    ended = np.searchsorted(np.sort(windows.high[held]), thresholds, side="right")
    shares: Floats = (begun - ended) / len(windows.low)
    return shares


def assign_folds(problems: Ints, count: int, seed: int) -> Ints:
    """A fold for each entry. Entries of one problem share a fold."""
    unique, place = np.unique(problems, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(unique)) % count
    return dealt[place]


def cross_tune(windows: ThresholdWindows, fold: Ints) -> tuple[NDArray[np.bool_], dict[int, float]]:
    """Whether each prediction is correct with the threshold tuned on the other folds, and the threshold of
    each fold."""
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
    """Unweighted mean over the subsets with an F1."""
    scores = [subset["f1"] for subset in subsets if subset["f1"] is not None]
    return sum(scores) / len(scores) if scores else None
