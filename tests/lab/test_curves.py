"""Curves, bins and the compute-optimal choice against loops that take nothing from app.evaluation."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.common.config import ConfigError
from app.lab import curves, figures
from app.lab.config import SEARCHED, SweepConfig, build_search
from app.search import flops
from app.search.config import SearchConfig
from tests.factories.lab import RESULTS


def by_loops(
    right: dict[str, list[list[float | None]]], bin_of: list[int], half: list[int]
) -> list[list[float | None]]:
    """For every problem and budget: the strategy with the highest mean over the problems of its bin in
    the other half (over all of the other half, where it has none of the bin)."""
    problems, budgets = len(bin_of), len(next(iter(right.values()))[0])
    accuracies: list[list[float | None]] = []
    for problem in range(problems):
        row: list[float | None] = []
        for budget in range(budgets):
            others = [other for other in range(problems) if half[other] != half[problem]]
            near = [other for other in others if bin_of[other] == bin_of[problem]] or others
            best, best_mean = next(iter(right)), -math.inf
            for name, values in right.items():
                seen = [values[other][budget] for other in near]
                mean = statistics.fmean(-1 if value is None else value for value in seen) if seen else 0.0
                if mean > best_mean + 1e-12:
                    best, best_mean = name, mean
            row.append(right[best][problem][budget])
        accuracies.append(row)
    return accuracies


cell = st.integers(0, 4).map(lambda quarter: quarter / 4)


@st.composite
def studies(draw: st.DrawFn) -> tuple[dict[str, list[list[float]]], list[int], list[int]]:
    problems, budgets = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    names = ["one", "two", "three"][: draw(st.integers(1, 3))]
    table = st.lists(st.lists(cell, min_size=budgets, max_size=budgets), min_size=problems, max_size=problems)
    numbers = st.lists(st.integers(0, 2), min_size=problems, max_size=problems)
    halves = st.lists(st.integers(0, 1), min_size=problems, max_size=problems)
    return {name: draw(table) for name in names}, draw(numbers), draw(halves)


@settings(max_examples=150, deadline=None)
@given(studies())
def test_compute_optimal_curves_equal_plain_loops(
    study: tuple[dict[str, list[list[float]]], list[int], list[int]],
) -> None:
    right, bin_of, half = study
    arrays = {name: np.array(values) for name, values in right.items()}
    ours = curves.compute_optimal_curve(arrays, np.array(bin_of), np.array(half))
    assert ours == pytest.approx(np.array(by_loops(right, bin_of, half)))  # type: ignore[arg-type]


def test_an_unavailable_method_is_never_selected() -> None:
    right = {"lookahead-1": np.array([[np.nan, 1.0]] * 4), "best": np.zeros((4, 2))}
    ours = curves.compute_optimal_curve(right, np.zeros(4, dtype=np.int64), np.array([0, 1, 0, 1]))
    assert ours.tolist() == [[0, 1]] * 4
    alone = curves.compute_optimal_curve(
        {"lookahead-1": right["lookahead-1"]}, np.zeros(4, dtype=np.int64), np.arange(4) % 2
    )
    assert np.isnan(alone[:, 0]).all()


def test_curves_computed_by_hand() -> None:
    """Easy problems (pass@1 = 1) are solved by the vote, hard ones by beam search of two. Told by pass@1
    the easy ones are the first bins; the verifier, wrong about them, calls them the hard ones."""
    assert RESULTS["budgets"] == [1, 2]
    assert RESULTS["curves"]["weighted"]["mean"] == [0.75, 0.75]
    assert RESULTS["curves"]["beam-4"]["mean"] == [0.5, 0.5]
    assert RESULTS["optimal"]["oracle"]["mean"] == [0.75, 1.0]
    assert RESULTS["optimal"]["predicted"]["mean"] == [0.75, 1.0]
    assert RESULTS["pass_at_n"]["mean"] == [0.75, 1.0]
    best = {
        kind: [(entry["problems"], entry["best"]) for entry in RESULTS["bins"][kind]]
        for kind in RESULTS["bins"]
    }
    easy, hard = (5, ["weighted", "weighted"]), (5, ["weighted", "beam-4"])
    assert best == {"oracle": [easy, hard], "predicted": [hard, easy]}


def test_computation_by_hand() -> None:
    """One solution: 2 x 2,000 x 10 = 40,000. Beam search of two: 24 generated and 60 read are 96,000
    + 120,000 = 5.4 of it."""
    assert figures.flops_by_budget(RESULTS, 2000) == {
        "weighted": [pytest.approx(1.25), pytest.approx(2.5)],
        "beam-4": [pytest.approx(2.7), pytest.approx(5.4)],
    }


def test_a_larger_model_at_equal_cost() -> None:
    """At a budget of two the best by difficulty costs (2.5 + 5.4) / 2 = 3.95. Twice as large and R = 22
    pays for 2 + 3 / 22 = 2.14 solutions: a budget of one, 75 %. R = 0.16 pays for 20.75: two, 100 %."""
    comparison = figures.compare_larger_model(RESULTS, 2, 80)
    assert [row["solutions"] for row in comparison["rows"]] == [
        flops.matched_samples(2, ratio) for ratio in flops.RATIOS
    ]
    assert [(row["budget"], row["better"]) for row in comparison["rows"]] == [
        (2, True),
        (2, True),
        (1, False),
    ]
    assert {row["better"] for row in figures.compare_larger_model(RESULTS, 2, None)["rows"]} == {None}


def test_a_model_unfit_for_search_has_a_warning() -> None:
    def warnings_for(best: float, high: float, majority: float, beam: float) -> list[str]:
        curve = {"mean": [0.5, best], "low": [0.5, 0.0], "high": [0.5, high]}
        others = {name: {"mean": [0.5, value], "low": [], "high": []} for name, value in
                  (("majority", majority), ("beam-4", beam))}  # fmt: skip
        return figures.warnings({**RESULTS, "pass_at_1": 0.5, "curves": {"best": curve, **others}})

    assert warnings_for(0.6, 0.7, 0.5, 0.8) == []
    assert warnings_for(0.3, 0.6, 0.5, 0.6) == [], "unclear"
    (worse,) = warnings_for(0.1, 0.4, 0.5, 0.6)
    assert "less often than a random pick" in worse
    both = warnings_for(0.1, 0.4, 0.7, 0.6)
    assert len(both) == 2
    assert "majority vote" in both[1]
    assert figures.warnings(RESULTS) == []


def test_budgets_and_the_methods_that_fit() -> None:
    config = SweepConfig(most=16)
    assert config.budgets == [1, 2, 4, 8, 16]
    assert SweepConfig(most=1).budgets == [1]
    for strategy in SEARCHED:
        for budget in config.budgets:
            search = build_search(strategy, budget, config)
            if search is None:
                assert strategy.startswith("lookahead")
                assert budget < 1 + int(strategy[-1])
            else:
                assert SearchConfig.parse(search.to_json()) == search
                assert search.budget == budget
    widths = [build_search("beam-sqrt", budget, SweepConfig(most=256)) for budget in (4, 16, 64, 256)]
    assert [search.beam_width for search in widths if search] == [2, 4, 8, 16]


def test_invalid_sweeps_are_refused() -> None:
    for wrong in (
        {"strategies": []}, {"strategies": ["best", "best"]}, {"splits": []}, {"most": 0}, {"problems": 0},
        {"aggregate": "sum"}, {"seed": -1}, {"strategies": ["mcts"]},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            SweepConfig.parse(wrong)
