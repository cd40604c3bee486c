"""Solution scores from steps: the same, one by one, as the scorer's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.answer_classes import answer_classes
from app.evaluation.solution_scores import SCORE_VARIANTS, compute_log_scores, squash_scores, variant_index
from app.prm.predict import log_solution_score

step = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda p: [1 - p[0], p[0] * p[1], p[0] * (1 - p[1])])


@settings(deadline=None)
@given(st.lists(st.lists(step, min_size=1, max_size=5), min_size=1, max_size=4))
def test_scores_equal_those_of_the_scorer(solutions: list[list[list[float]]]) -> None:
    flat = [[value for step_probs in steps for value in step_probs] for steps in solutions]
    numbers = compute_log_scores(flat)
    for row, (aggregate, neutral) in enumerate(SCORE_VARIANTS):
        for column, probs in enumerate(flat):
            expected = min(0.0, log_solution_score(probs, aggregate, neutral))
            assert numbers[row, column] == pytest.approx(expected, abs=1e-9)


def test_scores_computed_by_hand() -> None:
    numbers = np.exp(compute_log_scores([[0.1, 0.2, 0.7, 0.5, 0.0, 0.5]]))[:, 0]
    assert numbers[variant_index("product", True)] == pytest.approx(0.45)
    assert numbers[variant_index("product", False)] == pytest.approx(0.35)
    assert (
        numbers[variant_index("minimum", True)] == numbers[variant_index("last", True)] == pytest.approx(0.5)
    )
    assert numbers[variant_index("mean", True)] == pytest.approx(0.7)


def test_a_solution_without_steps_has_no_score() -> None:
    with pytest.raises(ValueError, match="without steps"):
        compute_log_scores([[]])


def test_published_scores_keep_their_order() -> None:
    raw = np.array([3.5, -2.0, 0.0, -np.inf])
    numbers = squash_scores(raw)
    assert (np.argsort(numbers) == np.argsort(raw)).all()
    assert np.isneginf(numbers[3])
    assert (numbers <= 0).all()
    assert np.exp(squash_scores(np.array([0.25, 1.0]))) == pytest.approx([0.25, 1.0]), (
        "between 0 and 1 they stay"
    )


class Prover:
    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs, self.asked = [set(pair) for pair in pairs], 0

    def equal(self, reference: str, answer: str) -> bool | None:
        self.asked += 1
        return {reference, answer} in self.pairs


def test_equal_answers_share_a_class() -> None:
    """By spelling, by exact number, by the prover; no answer is no vote; right is one class."""
    answers = ["4", "4.0", "0.5", "1/2", " 0.50", "x+1", "1+x", None, "", "7"]
    verdicts = ["correct", "correct", *["incorrect"] * 6, "unparseable", "incorrect"]
    numbers = answer_classes(answers, verdicts, Prover(("x+1", "1+x")))
    assert numbers[:2] == [0, 0]
    assert len(set(numbers[2:5])) == 1
    assert numbers[5] == numbers[6] != numbers[2]
    assert numbers[7:9] == [-1, -1]
    assert numbers[9] not in (0, -1, numbers[2], numbers[5])


def test_the_prover_makes_few_comparisons() -> None:
    prover = Prover()
    numbers = answer_classes([f"x+{n}" for n in range(200)], ["incorrect"] * 200, prover)
    assert len(set(numbers)) == 200
    assert prover.asked <= 28
