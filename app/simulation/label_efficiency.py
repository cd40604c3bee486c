"""PURE: label efficiency, the number of random labels worth one label of a policy, with intervals over
seeds and problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.common.array_statistics import Floats, isotonic_fit, percentile_bounds

TIMES = 500
LEVELS = 20
Comparison = tuple[float, float]
"""The accuracy range that both policies cover, and the mean over this range of the log of random labels
minus the log of the policy's labels."""
Efficiency = dict[str, float | None]
"""`ratio`, `low`, `high`."""


class Resamples:
    """Resamples of seeds, then of the problems of each seed, because the problems of one writer are not
    independent. All policies share the resamples, so differences are paired."""

    def __init__(self, counts: Sequence[int], times: int = TIMES, seed: int = 0) -> None:
        """counts: the number of problems by seed."""
        rng = np.random.default_rng(seed)
        self.weights = []
        for _ in range(times):
            drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)))
            self.weights.append(
                [
                    share * rng.multinomial(count, np.full(count, 1 / count)) / count / len(counts)
                    for share, count in zip(drawn, counts, strict=True)
                ]
            )

    def means(self, values: Sequence[Floats]) -> Floats:
        """values: by seed, [problems, columns]. Returns [times, columns]."""
        return np.array(
            [sum(w @ rows for w, rows in zip(weights, values, strict=True)) for weights in self.weights]
        )

    def interval(self, values: Sequence[Floats]) -> dict[str, list[float]]:
        """Mean and 95% interval by column."""
        low, high = percentile_bounds(self.means(values))
        mean = np.mean([rows.mean(0) for rows in values], axis=0)
        parts = {"mean": mean, "low": low, "high": high}
        return {name: [round(float(value), 4) for value in part] for name, part in parts.items()}


@dataclass(frozen=True)
class Pair:
    """The random policy and another one in one world. By seed, [problems, budgets]; the random policy may
    have more budgets."""

    random: list[Floats]
    policy: list[Floats]
    budgets: list[int]
    resamples: Resamples

    def compare(self) -> list[Comparison | None]:
        """Of the means, then of every resample."""
        curves = [
            [np.mean([rows.mean(0) for rows in values], 0), *self.resamples.means(values)]
            for values in (self.random, self.policy)
        ]
        return [compare(random, policy, self.budgets) for random, policy in zip(*curves, strict=True)]


def label_efficiency(pairs: Sequence[Pair]) -> Efficiency:
    """The ratio of random labels to labels of the policy at equal accuracy. Over several worlds: the mean of
    the logarithms, weighted by accuracy range. None where the means, or most resamples, share no accuracy."""
    mean, *resampled = (combine(worlds) for worlds in zip(*(pair.compare() for pair in pairs), strict=True))
    ratios = [ratio for ratio in resampled if ratio is not None]
    if mean is None or len(ratios) < len(resampled) / 2:
        return {"ratio": None, "low": None, "high": None}
    low, high = percentile_bounds(np.array(ratios))
    return {"ratio": round(mean, 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def combine(worlds: Sequence[Comparison | None]) -> float | None:
    """The ratio of labels over several worlds."""
    comparisons = [comparison for comparison in worlds if comparison is not None]
    total = sum(weight for weight, _ in comparisons)
    return float(np.exp(sum(weight * log for weight, log in comparisons) / total)) if comparisons else None


def label_ratio(random: Floats, policy: Floats, budgets: Sequence[int]) -> float | None:
    """Random labels over labels of the policy at equal accuracy. None if they share no accuracy.

    >>> round(label_ratio(np.array([0.2, 0.4, 0.6]), np.array([0.2, 0.6, 0.7]), [100, 200, 400]), 2)
    1.44
    """
    return combine([compare(random, policy, budgets)])


def compare(random: Floats, policy: Floats, budgets: Sequence[int]) -> Comparison | None:
    """Accuracy curves by budget, made non-decreasing by isotonic regression and read linearly in the log of
    labels. `budgets` belong to the longer curve."""
    logs = np.log(budgets)
    curves = isotonic_fit(random), isotonic_fit(policy)
    low, high = max(curve[0] for curve in curves), min(curve[-1] for curve in curves)
    if high <= low:
        return None
    levels = np.linspace(low, high, LEVELS + 1)[1:]
    random_logs, policy_logs = ([_log_labels(curve, logs, level) for level in levels] for curve in curves)
    return float(high - low), float(np.mean(np.subtract(random_logs, policy_logs)))


def _log_labels(curve: Floats, logs: Floats, level: float) -> float:
    """Log of the number of labels at which a non-decreasing curve reaches `level`."""
    place = int(np.searchsorted(curve, level - 1e-12))
    if place == 0:
        return float(logs[0])
    share = (level - curve[place - 1]) / (curve[place] - curve[place - 1])
    return float(logs[place - 1] + share * (logs[place] - logs[place - 1]))
