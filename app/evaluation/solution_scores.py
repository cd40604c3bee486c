"""PURE: solution scores from step probabilities, in all variants, for many solutions.

A step is correct with p(positive), plus p(neutral) if neutral counts as positive. Product and minimum are
from Lightman et al. 2023 (appendix), last from Snell et al. 2024. Scores are natural logs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AGGREGATES = ("product", "minimum", "last", "mean")
SCORE_VARIANTS = tuple((aggregate, neutral) for neutral in (True, False) for aggregate in AGGREGATES)
"""(aggregate, neutral is positive), in the order of the rows of `compute_log_scores`."""
SMALLEST = 1e-12


def compute_log_scores(step_probs: Sequence[Sequence[float]]) -> Floats:
    """[8, solutions]: natural logs, a row for each of SCORE_VARIANTS. step_probs: for each solution,
    p(negative), p(neutral), p(positive) of its steps in turn. Raises ValueError without steps."""
    lengths = np.array([len(probabilities) // 3 for probabilities in step_probs], dtype=np.int64)
    if not len(lengths):
        return np.empty((len(SCORE_VARIANTS), 0))
    if not lengths.all():
        raise ValueError("a solution without steps has no score")
    flat = np.fromiter(chain.from_iterable(step_probs), np.float64, 3 * lengths.sum()).reshape(-1, 3)
    starts = np.concatenate([[0], lengths.cumsum()[:-1]])
    rows = []
    for neutral in (True, False):
        correct = np.clip(flat[:, 2] + flat[:, 1] * neutral, SMALLEST, 1.0)
        logs = np.log(correct)
        rows += [
            np.add.reduceat(logs, starts),
            np.minimum.reduceat(logs, starts),
            logs[starts + lengths - 1],
            np.log(np.add.reduceat(correct, starts) / lengths),
        ]
    return np.stack(rows)


def variant_index(aggregate: str, neutral_is_positive: bool) -> int:
    """The row of `compute_log_scores`."""
    return SCORE_VARIANTS.index((aggregate, neutral_is_positive))


def vote_weights(log_scores: Floats) -> Floats:
    """Weights of a weighted vote: the scores themselves, 0 for a missing score."""
    weights: Floats = np.exp(log_scores)
    return weights


def squash_scores(raw: Floats) -> Floats:
    """External scores of any scale as log probabilities in the same order. Scores between 0 and 1 are kept;
    others go through the logistic function. -inf stays missing."""
    scored = np.isfinite(raw)
    logs = np.full(raw.shape, -np.inf)
    within = bool((raw[scored] >= 0).all() and (raw[scored] <= 1).all())
    logs[scored] = np.log(np.maximum(raw[scored], SMALLEST)) if within else -np.logaddexp(0, -raw[scored])
    return logs
