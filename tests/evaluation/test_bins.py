"""Difficulty bins and the strategy chosen for each."""

from __future__ import annotations

import numpy as np

from app.evaluation.difficulty_bins import assign_bins, compute_optimal_accuracy


def test_five_even_bins_easiest_first() -> None:
    values = np.linspace(1, 0, 20)
    assert assign_bins(values).tolist() == [n // 4 for n in range(20)]


def test_equal_values_share_a_bin() -> None:
    accuracy = assign_bins(np.array([1.0] * 6 + [0.5] * 2 + [0.0] * 2))
    assert len(set(accuracy[:6])) == len(set(accuracy[6:8])) == len(set(accuracy[8:])) == 1
    assert accuracy[0] < accuracy[6] < accuracy[8]


def test_each_half_uses_the_best_strategy_of_the_other_half() -> None:
    """In bin 0 the first strategy is best, in bin 1 the second; but one half of bin 1 lies."""
    first = np.array([[1.0], [1.0], [0.0], [0.2]])
    second = np.array([[0.0], [0.0], [1.0], [0.1]])
    accuracy = compute_optimal_accuracy(
        {"one": first, "two": second}, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    )
    assert accuracy[:, 0].tolist() == [1, 1, 0, 0.1], "0.2 says one to the half with 1, and 1 says two"


def test_a_bin_that_the_other_half_lacks_uses_the_best_strategy_overall() -> None:
    accuracy = compute_optimal_accuracy(
        {"one": np.zeros((2, 1)), "two": np.ones((2, 1))}, np.array([0, 1]), np.array([0, 1])
    )
    assert accuracy.tolist() == [[1], [1]]
