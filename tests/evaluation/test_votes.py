"""Votes against every subset there is, and the sampled ones against those."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.votes import vote_accuracies

solution = st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.sampled_from([-1, 0, 0, 1, 2]))


def by_hand(pool: list[tuple[float, int]], n: int, how: str, k: int) -> float:
    """Answer 0 is the right one."""
    total, subsets = 0.0, list(combinations(pool, n))
    for subset in subsets:
        choices = [subset]
        if how == "top_k" and n > k:  # ties at the edge: each way to fill the k places
            edge = sorted((score for score, _ in subset), reverse=True)[k - 1]
            sure = [scored for scored in subset if scored[0] > edge]
            tied = [scored for scored in subset if scored[0] == edge]
            choices = [tuple(sure) + more for more in combinations(tied, k - len(sure))]
        for chosen in choices:
            weights: dict[int, float] = {}
            for score, answer in chosen:
                if answer >= 0:
                    weights[answer] = weights.get(answer, 0) + (score if how == "weighted" else 1)
            top = [a for a, weight in weights.items() if weight >= max(weights.values()) - 1e-9]
            total += (0 in top) / len(top) / len(choices) if top else 0
    return total / len(subsets)


def ours(pool: list[tuple[float, int]], n: list[int], subsets: int, k: int) -> dict[str, np.ndarray]:
    scores = np.array([score for score, _ in pool])
    answers = np.array([answer for _, answer in pool])
    return vote_accuracies(scores, scores, answers, answers == 0, np.array(n), subsets=subsets, seed=1, k=k)


@settings(max_examples=100, deadline=None)
@given(st.lists(solution, min_size=1, max_size=7))
def test_all_subsets_count_if_there_are_few(pool: list[tuple[float, int]]) -> None:
    accuracy = ours(pool, list(range(1, len(pool) + 1)), 200, k=len(pool))
    for n in range(1, len(pool) + 1):
        for how in ("majority", "weighted"):
            assert accuracy[how][n - 1] == pytest.approx(by_hand(pool, n, how, 0))
        assert accuracy["top_k"][n - 1] == pytest.approx(by_hand(pool, n, "majority", 0)), "k = all"


@settings(max_examples=4, deadline=None)
@given(st.lists(solution, min_size=14, max_size=14), st.integers(1, 4))
def test_random_subsets_approximate_all_subsets(pool: list[tuple[float, int]], k: int) -> None:
    """2,000 of the 3,003 subsets of eight, with replacement: four standard errors are 0.045."""
    accuracy = ours(pool, [8], 2_000, k=k)
    for how in accuracy:
        assert accuracy[how][0] == pytest.approx(by_hand(pool, 8, how, k), abs=0.045)


@settings(max_examples=20, deadline=None)
@given(st.lists(solution, min_size=6, max_size=8), st.integers(1, 4))
def test_ties_at_the_edge_of_the_top_are_broken_by_chance(pool: list[tuple[float, int]], k: int) -> None:
    accuracy = ours(pool, [5], 8_000, k=k)
    assert accuracy["top_k"][0] == pytest.approx(by_hand(pool, 5, "top_k", k), abs=0.025)


def test_values_computed_by_hand() -> None:
    """Right 0.9, 0.2; wrong 0.5, 0.5, 0.4 with one answer, -1 without: two against three."""
    pool = [(0.9, 0), (0.2, 0), (0.5, 1), (0.5, 1), (0.4, 1), (0.99, -1)]
    accuracy = ours(pool, [6], 10, k=3)
    assert accuracy["majority"][0] == 0, "3 to 2"
    assert accuracy["weighted"][0] == 0, "1.4 to 1.1"
    assert accuracy["top_k"][0] == 0.5, "of the three highest: no answer, the right one, a wrong one: a tie"
    heavier = [(0.99, 0), (0.9, 0), *pool[2:]]
    assert ours(heavier, [6], 10, k=3)["weighted"][0] == 1
    assert ours(heavier, [6], 10, k=2)["top_k"][0] == 1


def test_a_problem_without_answers() -> None:
    accuracy = ours([(0.5, -1), (0.4, -1)], [1, 2], 10, k=1)
    assert all(values.tolist() == [0, 0] for values in accuracy.values())


def test_equal_seeds_give_equal_values() -> None:
    pool = [(0.1 * n, n % 3) for n in range(12)]
    assert ours(pool, [6], 50, 3)["majority"] == ours(pool, [6], 50, 3)["majority"]
