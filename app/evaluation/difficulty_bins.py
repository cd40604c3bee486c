"""PURE: difficulty, and the best strategy for it (Snell et al. 2024, sections 3.2 and 5.3).

Problems fall into five bins, quantiles of pass@1 (oracle) or of the mean verifier score
(predicted). Compute-optimal: for every bin and budget the strategy that is best on one half of
the problems, judged on the other half, both ways round."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.common.array_statistics import mid_rank_shares

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINS = 5


def assign_bins(values: Floats, bins: int = BINS) -> Ints:
    """A bin for each problem, 0 the easiest (highest value). Equal values share a bin, the one
    of their middle rank, so a bin may be empty."""
    return np.minimum((mid_rank_shares(-values) * bins).astype(np.int64), bins - 1)


def compute_optimal_accuracy(strategies: Mapping[str, Floats], bin_of: Ints, half: Ints) -> Floats:
    """[problems, columns]: what each problem gets from the strategy chosen for its bin without
    looking at its half: a bin that the other half lacks takes what is best there overall.
    `strategies` are [problems, columns] each; ties go to the first."""
    values = np.stack(list(strategies.values()))
    gained = np.zeros(values.shape[1:])
    for bin_number in np.unique(bin_of):
        for side in (0, 1):
            evaluated = (bin_of == bin_number) & (half == side)
            same_bin = (bin_of == bin_number) & (half != side)
            seen = same_bin if same_bin.any() else half != side
            means = values[:, seen].mean(axis=1) if seen.any() else np.zeros(values.shape[::2])
            best = means.argmax(axis=0)
            gained[evaluated] = values[
                best[None, :], np.flatnonzero(evaluated)[:, None], np.arange(values.shape[2])
            ]
    return gained
