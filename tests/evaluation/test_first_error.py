"""First-error F1: exact on ProcessBench for judges whose answers are known beforehand."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.first_error import (
    DEFAULT_THRESHOLD,
    assign_folds,
    cross_tune,
    first_error_f1,
    harmonic_mean,
    mean_f1,
    predict_first_error,
    threshold_windows,
    tune_threshold,
)

case = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.6, 0.9, 1.0]), min_size=1, max_size=5).flatmap(
    lambda steps: st.tuples(st.just(steps), st.integers(-1, len(steps) - 1))
)


@settings(deadline=None)
@given(st.lists(case, min_size=1, max_size=6), st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 0.6, 0.95]))
def test_thresholds_match_predicted_first_errors(
    cases: list[tuple[list[float], int]], threshold: float
) -> None:
    steps, truth = [np.array(s) for s, _ in cases], [t for _, t in cases]
    window = threshold_windows(steps, truth)
    hit = (window.low <= threshold) & (threshold < window.high)
    assert hit.tolist() == [predict_first_error(s, threshold) == t for s, t in zip(steps, truth, strict=True)]


@settings(deadline=None)
@given(st.lists(case, min_size=2, max_size=8))
def test_tuning_finds_the_best_threshold(cases: list[tuple[list[float], int]]) -> None:
    steps, truth = [np.array(s) for s, _ in cases], [t for _, t in cases]
    window, wrong = threshold_windows(steps, truth), np.array(truth) >= 0
    if wrong.all() or not wrong.any():
        assert tune_threshold(window) == DEFAULT_THRESHOLD
        return

    def reached(threshold: float) -> float:
        hit = np.array([predict_first_error(s, threshold) == t for s, t in zip(steps, truth, strict=True)])
        return first_error_f1(hit, wrong)["f1"]

    assert reached(tune_threshold(window)) == max(reached(t) for t in np.linspace(0, 1, 201))


def test_values_computed_by_hand() -> None:
    """Two of four errors named, three of five clean ones left alone: 2 * .5 * .6 / 1.1."""
    hit = np.array([True, True, False, False, True, True, True, False, False])
    metrics = first_error_f1(hit, np.arange(9) < 4)
    assert metrics["f1"] == pytest.approx(2 * 0.5 * 0.6 / 1.1)
    assert (metrics["wrong"], metrics["right"]) == (4, 5)
    assert first_error_f1(hit[:4], np.ones(4, bool))["f1"] is None
    assert harmonic_mean(0, 0) == 0
    assert mean_f1([{"f1": 0.2}, {"f1": 0.6}, {"f1": None}]) == pytest.approx(0.4)


def test_a_label_beyond_the_last_step() -> None:
    with pytest.raises(ValueError, match="no step 2"):
        threshold_windows([np.array([0.1, 0.2])], [2])


def test_a_fold_uses_the_threshold_of_the_others() -> None:
    """Two halves that need opposite thresholds: each is judged by the other's, and fails."""
    steps = [np.array([0.2]), np.array([0.1]), np.array([0.9]), np.array([0.8])]
    window = threshold_windows(steps, [0, -1, 0, -1])
    hit, used = cross_tune(window, np.array([0, 0, 1, 1]))
    assert used == {0: pytest.approx(0.85), 1: pytest.approx(0.15)}
    assert hit.tolist() == [False, True, True, False]


def test_solutions_of_a_problem_stay_in_one_fold() -> None:
    problems = np.array([7, 3, 7, 9, 3, 11, 12, 13])
    dealt = assign_folds(problems, 3, seed=5)
    assert dealt[0] == dealt[2]
    assert dealt[1] == dealt[4]
    assert set(dealt) == {0, 1, 2}


@pytest.mark.parametrize("subset", ["gsm8k", "math"])
def test_trivial_models_on_processbench(shared_data: Path, subset: str) -> None:
    """'No error, ever' is right of every clean solution and of nothing else, so its F1 is 0;
    "always the first step" is right where the label is 0. Beside them a judge that knows the
    label of all but every third solution: its F1 as a fraction."""
    rows = json.loads((shared_data / "processbench" / f"{subset}.json").read_text())
    truth = np.array([row["label"] for row in rows])
    wrong = truth >= 0
    never = threshold_windows([np.zeros(len(row["steps"])) for row in rows], truth.tolist())
    hit, _ = cross_tune(never, assign_folds(np.arange(len(rows)), 5, 0))
    assert first_error_f1(hit, wrong) == {
        "f1": 0.0, "on_wrong": 0.0, "on_right": 1.0, "wrong": int(wrong.sum()), "right": int((~wrong).sum())
    }  # fmt: skip

    first = [np.ones(len(row["steps"])) for row in rows]
    metrics = first_error_f1(
        np.array([predict_first_error(s, 0.5) == t for s, t in zip(first, truth, strict=True)]), wrong
    )
    assert metrics["on_wrong"] == int((truth == 0).sum()) / int(wrong.sum())
    assert (metrics["on_right"], metrics["f1"]) == (0, 0)

    knowing = []
    for place, row in enumerate(rows):
        steps = np.zeros(len(row["steps"]))
        if row["label"] >= 0 and place % 3:
            steps[row["label"]] = 0.8
        elif row["label"] < 0 and not place % 3:
            steps[0] = 0.8
        knowing.append(steps)
    hit, used = cross_tune(
        threshold_windows(knowing, truth.tolist()), assign_folds(np.arange(len(rows)), 5, 0)
    )
    place = np.arange(len(rows))
    on_wrong = Fraction(int((wrong & (place % 3 > 0)).sum()), int(wrong.sum()))
    on_right = Fraction(int((~wrong & (place % 3 > 0)).sum()), int((~wrong).sum()))
    assert set(used.values()) == {0.4}
    assert first_error_f1(hit, wrong)["f1"] == pytest.approx(
        float(2 * on_wrong * on_right / (on_wrong + on_right))
    )
