"""Statistics on NumPy arrays. Needs the `train` extra: only worker processes import it, never the web."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def area_under_curve(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> float | None:
    """Probability that a random true item scores above a random false item; ties count half (Mann-Whitney
    U / n1 n0). scores, truth: [n]. None if one side is empty."""
    positives = int(truth.sum())
    negatives = truth.size - positives
    if not positives or not negatives:
        return None
    u = float(rankdata(scores)[truth].sum()) - positives * (positives + 1) / 2
    return u / (positives * negatives)


def mid_ranks(values: NDArray[np.floating]) -> Floats:
    """Ranks of `values` [n] from the lowest, from 1; equal values share their mean rank."""
    ranks: Floats = rankdata(values)
    return ranks


def mid_rank_shares(values: NDArray[np.floating]) -> Floats:
    """Mid-ranks as shares of the values, between 0 and 1: (rank - 1/2) / n. [n]"""
    shares: Floats = (rankdata(values) - 0.5) / max(len(values), 1)
    return shares


def percentile_bounds(samples: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """The ends of the percentile interval of resampled values. samples: [times, ...]; two arrays [...]."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
    return low, high


def isotonic_fit(curve: Floats) -> Floats:
    """The non-decreasing curve with the least squared distance from `curve` (isotonic regression by pooling
    adjacent violators: Ayer et al. 1955). [n]

    >>> isotonic_fit(np.array([0.1, 0.4, 0.2, 0.5])).round(2).tolist()
    [0.1, 0.3, 0.3, 0.5]
    """
    fitted: Floats = isotonic_regression(curve).x
    return fitted
