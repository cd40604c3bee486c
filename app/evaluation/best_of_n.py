"""PURE: exact best-of-N, without shuffling.

For each problem with M scored solutions, a random subset of n is drawn and the solution with the highest
score is picked. The curve is the probability that the pick is correct (Lightman et al. 2023, section 3 and
appendix, with 400 shuffles). In ascending order, position j (1-based) is the highest of a random n-subset
with probability C(j-1, n-1) / C(M, n). A group of ties at positions (i, j] has the total probability
[C(j, n) - C(i, n)] / C(M, n) and is correct with the share of correct solutions in it. All terms are
positive float64, so nothing cancels.

A problem with fewer than n solutions contributes all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def n_grid(most: int, points: int = 48) -> Ints:
    """Subset sizes from 1 to `most`: all of them up to 64, or else `points` sizes, evenly spaced on a log
    scale."""
    if most <= 64:
        return np.arange(1, most + 1)
    return np.unique(np.round(np.geomspace(1, most, points)).astype(np.int64))


def max_n(counts: Sequence[int]) -> int:
    """The largest N that at least half of the problems have solutions for."""
    return int(sorted(counts)[len(counts) // 2]) if counts else 0


def best_of_n(scores: Sequence[Floats], right: Sequence[NDArray[np.bool_]], n: Ints) -> Floats:
    """Probability of a correct pick, [problems, len(n)]. `scores[p]` and `right[p]` belong to the
    solutions of problem p, at least one; -inf is a missing score. Raises ValueError for NaN."""
    probability = np.empty((len(scores), len(n)))
    for places in _by_count([len(problem_scores) for problem_scores in scores]):
        share = tie_shares(
            np.stack([scores[place] for place in places]), np.stack([right[place] for place in places])
        )
        probability[places] = share @ pick_probabilities(share.shape[1], n)
    return probability


def pick_probabilities(most: int, n: Ints) -> Floats:
    """[most, len(n)]: probability that position j of `most`, in ascending order, is the highest of a random
    n-subset. Columns sum to 1; n over `most` counts as `most`."""
    drawn = np.minimum(n, most)[None, :]
    position = np.arange(1, most + 1)[:, None]
    logs = log_choose(position - 1, drawn - 1) - log_choose(np.array([[most]]), drawn)
    probability: Floats = np.exp(logs)
    return probability / probability.sum(axis=0)


def log_choose(total: Ints, drawn: Ints) -> Floats:
    """Natural log of C(total, drawn), elementwise; -inf where drawn is more than total."""
    logs = np.array([math.lgamma(value + 1) for value in range(int(total.max()) + 1)])
    inside = drawn <= total
    rest = np.where(inside, total - drawn, 0)
    log_binomial = logs[total] - logs[np.minimum(drawn, len(logs) - 1)] - logs[rest]
    return np.where(inside, log_binomial, -np.inf)


def tie_shares(scores: Floats, right: NDArray[np.bool_]) -> Floats:
    """Both [problems, M]. Position by position in ascending order of score: the share of right
    answers among the solutions tied there."""
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    order = np.argsort(scores, axis=1)
    ordered = np.take_along_axis(scores, order, 1)
    starts = np.ones(scores.shape, dtype=np.int64)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = np.cumsum(starts, axis=None) - 1  # a problem begins with a start: groups never cross
    hits = np.bincount(group, weights=np.take_along_axis(right, order, 1).ravel())
    shares: Floats = (hits / np.bincount(group))[group].reshape(scores.shape)
    return shares


def pass_at_n(right: Sequence[NDArray[np.bool_]], n: Ints) -> Floats:
    """pass@N, [problems, len(n)]: the probability that a random n-subset contains a correct solution,
    1 - C(M - r, n) / C(M, n) (Chen et al. 2021, section 2.1)."""
    total = np.array([[len(problem_right)] for problem_right in right])
    wrong = total - np.array([[int(problem_right.sum())] for problem_right in right])
    drawn = np.minimum(n[None, :], total)
    reached: Floats = 1 - np.exp(log_choose(wrong, drawn) - log_choose(total, drawn))
    return reached


def _by_count(counts: Sequence[int]) -> Iterator[Ints]:
    """Indices of problems, grouped by number of solutions."""
    sizes = np.asarray(counts)
    for count in np.unique(sizes):
        yield np.flatnonzero(sizes == count)
