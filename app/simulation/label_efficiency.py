"""What a label of a policy is worth in labels drawn at random, with intervals over seeds and problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.common.array_statistics import Floats, isotonic_fit, percentile_bounds

TIMES = 500


class Draws:
    """Seeds are drawn, then problems of each: what one writer finds hard, its problems share. The same
    draws serve every arm, so that differences are paired."""

    def __init__(self, counts: Sequence[int], times: int = TIMES, seed: int = 0) -> None:
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

    def means(self, rows: Sequence[Floats]) -> Floats:
        """rows: by seed, [problems, columns]; [times, columns]."""
        return np.array([sum(w @ each for w, each in zip(ws, rows, strict=True)) for ws in self.weights])

    def interval(self, rows: Sequence[Floats]) -> dict[str, list[float]]:
        low, high = percentile_bounds(self.means(rows))
        mean = np.mean([each.mean(0) for each in rows], axis=0)
        parts = {"mean": mean, "low": low, "high": high}
        return {name: [round(float(value), 4) for value in part] for name, part in parts.items()}


Worth = dict[str, float | None]
"""ratio, low, high."""


@dataclass(frozen=True)
class Pair:
    """Two arms of one world, by seed, [problems, budgets] each; the uniform one may have more budgets."""

    uniform: list[Floats]
    policy: list[Floats]
    budgets: list[int]
    draws: Draws

    def compared(self) -> list[Compared | None]:
        """Of the means, then of every draw."""
        arms = [
            [np.mean([each.mean(0) for each in rows], 0), *self.draws.means(rows)]
            for rows in (self.uniform, self.policy)
        ]
        return [compare(one, other, self.budgets) for one, other in zip(*arms, strict=True)]


def worth(pairs: Sequence[Pair]) -> Worth:
    """How many uniformly drawn labels one of the policy's is worth, at equal accuracy; over several worlds
    the mean of the logarithms, each world weighed by how much of accuracy there is to compare in it. None
    where the means, or most of the draws behind the interval, reach no accuracy in common."""
    mean, *drawn = (together(each) for each in zip(*(pair.compared() for pair in pairs), strict=True))
    known = [each for each in drawn if each is not None]
    if mean is None or len(known) < len(drawn) / 2:
        return {"ratio": None, "low": None, "high": None}
    low, high = percentile_bounds(np.array(known))
    return {"ratio": round(mean, 3), "low": round(float(low), 3), "high": round(float(high), 3)}


Compared = tuple[float, float]
"""How much of accuracy both gain and reach, and the logarithm of the labels uniform choice needs over
those the policy needs, the mean over these accuracies."""


def together(worlds: Sequence[Compared | None]) -> float | None:
    known = [each for each in worlds if each is not None]
    total = sum(room for room, _ in known)
    return float(np.exp(sum(room * value for room, value in known) / total)) if known else None


def ratio(uniform: Floats, policy: Floats, budgets: Sequence[int]) -> float | None:
    """Labels uniform choice needs over labels the policy needs. None where they reach no accuracy in common.

    >>> round(ratio(np.array([0.2, 0.4, 0.6]), np.array([0.2, 0.6, 0.7]), [100, 200, 400]), 2)
    1.44
    """
    return together([compare(uniform, policy, budgets)])


def compare(uniform: Floats, policy: Floats, budgets: Sequence[int]) -> Compared | None:
    """After the first budget, which they share. Curves are made to rise (isotonic regression) and read
    linearly in the log of labels."""
    logs = np.log(budgets)  # of the longer curve; the other may end sooner
    one, other = isotonic_fit(uniform), isotonic_fit(policy)
    low, high = max(one[0], other[0]), min(one[-1], other[-1])
    if high <= low:
        return None
    levels = np.linspace(low, high, 21)[1:]
    found = np.mean([_labels(one, logs, level) - _labels(other, logs, level) for level in levels])
    return float(high - low), float(found)


def _labels(curve: Floats, logs: Floats, level: float) -> float:
    """Log of the labels at which a rising curve first reaches `level`."""
    place = int(np.searchsorted(curve, level - 1e-12))
    if place == 0:
        return float(logs[0])
    before, after = curve[place - 1], curve[place]
    share = (level - before) / (after - before)
    return float(logs[place - 1] + share * (logs[place] - logs[place - 1]))
