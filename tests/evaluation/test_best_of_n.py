"""Best-of-N against every subset there is."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.best_of_n import best_of_n, max_n, n_grid, pass_at_n, pick_probabilities


def by_hand(scores: list[float], right: list[bool], n: int) -> Fraction:
    """The pick of every n-subset; those tied at the top share it."""
    total, subsets = Fraction(0), list(combinations(range(len(scores)), n))
    for subset in subsets:
        top = max(scores[place] for place in subset)
        tied = [place for place in subset if scores[place] == top]
        total += Fraction(sum(right[place] for place in tied), len(tied))
    return total / len(subsets)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, float("-inf")]), st.booleans()),
            min_size=1,
            max_size=7,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_values_equal_the_mean_over_all_subsets(pool: list[list[tuple[float, bool]]]) -> None:
    scores = [np.array([score for score, _ in problem]) for problem in pool]
    right = [np.array([hit for _, hit in problem]) for problem in pool]
    n = np.arange(1, 9)
    accuracy, possible = best_of_n(scores, right, n), pass_at_n(right, n)
    for place, problem in enumerate(pool):
        for column, size in enumerate(n):
            size = min(int(size), len(problem))
            expected = by_hand([score for score, _ in problem], [hit for _, hit in problem], size)
            assert accuracy[place, column] == pytest.approx(float(expected), abs=1e-12)
            subsets = list(combinations([hit for _, hit in problem], size))
            assert possible[place, column] == pytest.approx(sum(map(any, subsets)) / len(subsets), abs=1e-12)


def test_values_computed_by_hand() -> None:
    """Scores 1 2 2 3, right: wrong, right, wrong, right. n = 2: six pairs; the 3 is in three of
    them (right), {2, 2} is half right, {1, 2right} is right, {1, 2wrong} is not: 4.5 / 6.
    n = 3: three triples hold the 3, the fourth is {1, 2, 2}: 3.5 / 4."""
    accuracy = best_of_n(
        [np.array([1.0, 2.0, 2.0, 3.0])], [np.array([False, True, False, True])], np.arange(1, 5)
    )
    assert accuracy[0] == pytest.approx([2 / 4, 4.5 / 6, 3.5 / 4, 1.0])


def test_1860_solutions_are_exact() -> None:
    """Where every chance is a ratio of numbers with hundreds of digits: against exact fractions."""
    from math import comb

    accuracy = pick_probabilities(1860, np.array([1, 2, 37, 930, 1859, 1860]))
    for column, n in enumerate((1, 2, 37, 930, 1859, 1860)):
        for position in (1, 2, 900, 1500, 1859, 1860):
            exact = Fraction(comb(position - 1, n - 1), comb(1860, n))
            assert accuracy[position - 1, column] == pytest.approx(float(exact), rel=1e-9, abs=1e-300)


def test_random_scores_equal_a_random_pick() -> None:
    scores, right = [np.zeros(50)], [np.arange(50) < 20]
    assert best_of_n(scores, right, np.arange(1, 51)) == pytest.approx(np.full((1, 50), 0.4))
    assert pass_at_n(right, np.array([1])) == pytest.approx(0.4)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        best_of_n([np.array([np.nan])], [np.array([True])], np.array([1]))


def test_grid_of_n_and_largest_n() -> None:
    assert n_grid(8).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    many = n_grid(1860)
    assert (many[0], many[-1]) == (1, 1860)
    assert len(many) <= 48
    assert max_n([8, 8, 4, 2]) == 8
    assert max_n([8, 4, 4, 2]) == 4
    assert max_n([]) == 0


def test_published_scores_on_math(shared_data: Path) -> None:
    """100 problems x 8 solutions with a published reward model's scores: for every N, exactly
    what going through all subsets gives."""
    lines = (shared_data / "solutions" / "math_cot_100.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    scores = [np.array([problem[0] for problem in row["pred_score"]]) for row in rows]
    right = [np.array(row["score"], dtype=bool) for row in rows]
    curve = best_of_n(scores, right, np.arange(1, 9)).mean(axis=0)
    for n in range(1, 9):
        total = sum(
            (by_hand(list(s), list(map(bool, r)), n) for s, r in zip(scores, right, strict=True)), Fraction(0)
        )
        assert curve[n - 1] == pytest.approx(float(total / len(rows)), abs=1e-12)
    assert curve[0] == pytest.approx(np.mean([r.mean() for r in right]))
