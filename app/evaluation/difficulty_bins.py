"""PURE: difficulty bins and the best method per bin (Snell et al. 2024, sections 3.2 and 5.3).

Problems are divided into five bins, by quantiles of pass@1 (oracle) or of the mean verifier score
(predicted). Compute-optimal: for each bin and column, the method that is best on one half of the problems is
measured on the other half, in both directions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.common.array_statistics import mid_rank_shares

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINS = 5


def assign_bins(values: Floats, bins: int = BINS) -> Ints:
    """The bin of each problem; 0 is the easiest, with the highest values. Equal values share the bin of their
    middle rank, so a bin may be empty. values: [problems]."""
    return np.minimum((mid_rank_shares(-values) * bins).astype(np.int64), bins - 1)


def compute_optimal_accuracy(strategies: Mapping[str, Floats], bin_of: Ints, half: Ints) -> Floats:
    """[problems, columns]: the value of each problem with the strategy selected for its bin on the other
    half. If the other half lacks the bin, the strategy that is best there overall is used. `strategies` are
    [problems, columns] each; of equals, the first is used."""
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
