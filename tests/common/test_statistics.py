"""Intervals, ranks and fits against definitions worked out by hand."""

from __future__ import annotations

import itertools
import statistics as standard

import numpy as np
import pytest

from app.common import array_statistics, statistics


def test_the_percentile_interval_of_eighty_one_samples() -> None:
    samples = [float(number) for number in range(81)]
    assert statistics.percentile_bounds(samples[::-1]) == (2.0, 78.0)
    assert statistics.percentile_bounds(samples, level=0.5) == (20.0, 60.0)
    low, high = array_statistics.percentile_bounds(np.array(samples))
    assert (float(low), float(high)) == pytest.approx((2.0, 78.0))


def test_the_bootstrap_of_a_mean_has_the_spread_of_the_standard_error() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0] * 40
    mean, low, high = statistics.bootstrap_mean(values, times=2_000, seed=1)
    error = standard.pstdev(values) / len(values) ** 0.5
    assert mean == pytest.approx(0.6)
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.1)
    assert statistics.bootstrap_mean(values, seed=1) == statistics.bootstrap_mean(values, seed=1)


def test_equal_values_share_their_mean_rank() -> None:
    values = np.array([0.3, 0.1, 0.3, 0.9])
    assert array_statistics.mid_ranks(values).tolist() == [2.5, 1.0, 2.5, 4.0]
    assert array_statistics.mid_rank_shares(values).tolist() == [0.5, 0.125, 0.5, 0.875]


def test_the_isotonic_fit_is_the_nearest_curve_that_never_falls() -> None:
    curve = np.array([0.3, 0.1, 0.4, 0.2, 0.5])
    fitted = array_statistics.isotonic_fit(curve)
    assert (np.diff(fitted) >= 0).all()
    grid = np.linspace(0, 0.6, 13)
    candidates = itertools.combinations_with_replacement(grid, len(curve))
    nearest = min(float(((np.array(rising) - curve) ** 2).sum()) for rising in candidates)
    assert float(((fitted - curve) ** 2).sum()) <= nearest + 1e-12
