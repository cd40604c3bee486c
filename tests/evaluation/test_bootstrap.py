"""Intervals that hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from app.evaluation.bootstrap import mean_interval, paired_difference


def test_the_interval_has_the_theoretical_width() -> None:
    values = np.random.default_rng(0).random((400, 2)) < [0.3, 0.8]
    interval_of_mean = mean_interval(values.astype(float), times=2_000)
    for column, share in enumerate(values.mean(axis=0)):
        half = 1.96 * np.sqrt(share * (1 - share) / 400)
        assert interval_of_mean.mean[column] == share
        assert interval_of_mean.low[column] == pytest.approx(share - half, abs=0.006)
        assert interval_of_mean.high[column] == pytest.approx(share + half, abs=0.006)


def test_the_interval_covers_the_mean() -> None:
    """Of 200 samples of a coin that falls 0.6, about 95 % of the intervals hold 0.6."""
    rng = np.random.default_rng(1)
    held = 0
    for n in range(200):
        interval_of_mean = mean_interval((rng.random((150, 1)) < 0.6).astype(float), times=400, seed=n)
        held += bool(interval_of_mean.low[0] <= 0.6 <= interval_of_mean.high[0])
    assert 0.90 <= held / 200 <= 0.99


def test_a_paired_difference_is_narrower_than_separate_intervals() -> None:
    """Problems differ a lot, the second is a little better on each: paired, that is certain."""
    rng = np.random.default_rng(2)
    first = rng.random((60, 1))
    second = first + 0.02 + 0.02 * rng.random((60, 1))
    difference, better = paired_difference(first, second)
    assert difference.low[0] > 0
    assert better[0] == 1
    assert mean_interval(first).high[0] > mean_interval(second).low[0]


def test_ties_count_half() -> None:
    same = np.ones((5, 1))
    difference, better = paired_difference(same, same)
    assert (difference.mean[0], better[0]) == (0, 0.5)
