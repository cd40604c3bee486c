"""PURE: majority, weighted and top-k votes over random subsets of a problem's solutions.

Answers are classes from answer_classes; -1 is no answer and has no vote. The weighted vote sums the scores
of equal answers (Lightman et al. 2023, section 3.3; Uesato et al. 2022). The top-k vote is a majority vote
of the k highest-scored solutions of the subset (Cobbe et al. 2021, section 4.2).

Votes have no closed form, so `subsets` random subsets of each size are drawn with a seed per problem. If
there are no more subsets than that, each counts equally often and the value is exact, except for ties at
the edge of the top k, which are broken at random. Answers with equally many votes share the pick."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
VOTE_NAMES = ("majority", "weighted", "top_k")
TIE_TOLERANCE = 1e-12
"""Sums of weights closer than this share are tied: the order of adding must decide nothing."""


def vote_accuracies(
    scores: Floats,
    weights: Floats,
    answers: Ints,
    right: NDArray[np.bool_],
    n: Ints,
    *,
    subsets: int,
    seed: int,
    k: int,
) -> dict[str, Floats]:
    """Probability that each vote is correct for one problem, by subset size `n`. The first four arrays have
    one entry per solution (M in total); `weights` are not negative. A size over M counts as M."""
    most = len(scores)
    rng = np.random.default_rng(seed)
    shuffled = rng.random((subsets, most)).argsort(axis=1)
    rank = np.unique(scores, return_inverse=True)[1]
    kinds = int(answers.max(initial=-1)) + 1
    share = correct_share(answers, right, kinds)
    probabilities: dict[str, list[float]] = {name: [] for name in VOTE_NAMES}
    for size in np.minimum(n, most):
        drawn = subset_mask(shuffled, int(size))
        subset_answers = answers[drawn]
        count = tally_votes(subset_answers, np.ones(drawn.shape), kinds)
        probabilities["majority"].append(winning_share(count, count, share))
        probabilities["weighted"].append(
            winning_share(tally_votes(subset_answers, weights[drawn], kinds), count, share)
        )
        best = np.take_along_axis(subset_answers, _highest(rank[drawn], min(k, int(size)), rng), 1)
        among = tally_votes(best, np.ones(best.shape), kinds)
        probabilities["top_k"].append(winning_share(among, among, share))
    return {name: np.array(values) for name, values in probabilities.items()}


def subset_mask(shuffled: Ints, size: int) -> Ints:
    """[about subsets, size]: every subset equally often if there are no more subsets than rows, or else
    random subsets."""
    subsets, most = shuffled.shape
    every = math.comb(most, size)
    if every <= subsets:
        return np.tile(np.array(list(combinations(range(most), size))), (subsets // every, 1))
    return shuffled[:, :size]


def correct_share(answers: Ints, right: NDArray[np.bool_], kinds: int) -> Floats:
    """Share of correct solutions by answer: 0 or 1 unless the grader contradicts itself."""
    voting = answers >= 0
    total = np.bincount(answers[voting], minlength=kinds)
    hits = np.bincount(answers[voting], weights=right[voting], minlength=kinds)
    return hits / np.maximum(total, 1)


def tally_votes(answers: Ints, weights: Floats, kinds: int) -> Floats:
    """[subsets, kinds]: total weight of each answer in each subset."""
    rows = np.arange(len(answers))[:, None] * kinds + answers
    voting = answers >= 0
    weight = np.bincount(rows[voting], weights=weights[voting], minlength=len(answers) * kinds)
    return weight.astype(np.float64).reshape(len(answers), kinds)


def winning_share(total: Floats, present: Floats, share: Floats) -> float:
    """Mean over subsets of the correct share of the winning answers. A subset without votes counts as
    incorrect."""
    if not total.shape[1]:
        return 0.0
    highest = total.max(axis=1, keepdims=True)
    top = (total >= highest * (1 - TIE_TOLERANCE)) & (present > 0)
    return float(((top * share).sum(axis=1) / np.maximum(top.sum(axis=1), 1)).mean())


def _highest(rank: Ints, k: int, rng: np.random.Generator) -> Ints:
    """Indices of the k highest ranks of each row; ties are broken at random."""
    if k >= rank.shape[1]:
        return np.broadcast_to(np.arange(rank.shape[1]), rank.shape)
    indices: Ints = np.argpartition(-(rank + rng.random(rank.shape)), k - 1, axis=1)[:, :k]
    return indices
