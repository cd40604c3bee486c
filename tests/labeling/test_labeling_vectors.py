"""The labeling rules in Python give the results of the shared vectors (tests/vectors/labeling.json)."""

from __future__ import annotations

from typing import Any

import pytest

from app.modes import MODES, get_mode
from app.modes.labeling_state import AlternativeStep, StepRating
from tests.labeling.vectors import load_vectors, replay

VECTORS = load_vectors()


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_rules_give_the_results_of_a_vector(vector: dict[str, Any]) -> None:
    assert replay(vector) == vector["results"]


def test_every_mode_has_vectors() -> None:
    assert {vector["mode"] for vector in VECTORS} == set(MODES)


def test_a_different_rule_would_be_noticed() -> None:
    vector = next(vector for vector in VECTORS if vector["mode"] == "first_error")
    assert replay({**vector, "mode": "every_step"}) != vector["results"]


def test_a_submission_is_accepted_exactly_with_the_finish_reason_of_the_state() -> None:
    state = get_mode("alternatives").new_state(1, [AlternativeStep(1, 1, "So it is four.", (0,))])
    for position, candidate in ((0, 0), (1, 1)):
        assert state.finish_reason is None
        assert state.submission_error("solution", "")
        state.set_rating(position, StepRating(1, None), candidate)
    assert state.finish_reason == "solution"
    assert state.submission_error("solution", "") is None
    assert [label["chosen"] for label in state.build_step_labels(["Two and two."])] == [0, 0]
