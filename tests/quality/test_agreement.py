"""The arithmetic against published examples and against libraries that are not ours."""

from __future__ import annotations

import random

import pytest

from app.quality import agreement

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: 4 observers, 12 units
FOUR_OBSERVERS = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}


def test_alpha_is_krippendorffs() -> None:
    found = agreement.alpha([FOUR_OBSERVERS])
    assert found.value == pytest.approx(0.815, abs=0.0005), "the ordinal alpha published with example C"
    assert found.pairs == 40, "his n.., the pairable values"


def test_alpha_does_not_care_how_units_lie_in_solutions() -> None:
    parts = [{who: said[at : at + 3] for who, said in FOUR_OBSERVERS.items()} for at in range(0, 12, 3)]
    assert agreement.alpha(parts).value == pytest.approx(agreement.alpha([FOUR_OBSERVERS]).value)


def test_two_observers_by_hand() -> None:
    """Krippendorff 2011, example A: two observers, ten units, two values: alpha = 0.095."""
    one, two = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert agreement.alpha([{"a": one, "b": two}]).value == pytest.approx(0.095, abs=0.0005)


def test_kappa_is_cohens() -> None:
    """A table worked by hand: 50 cases, 20 and 15 on the diagonal, p_e = 0.5; kappa = 0.4 at any weight
    where there are two values."""
    pairs = [(1, 1)] * 20 + [(1, -1)] * 5 + [(-1, 1)] * 10 + [(-1, -1)] * 15
    judged = [{"a": [a], "b": [b]} for a, b in pairs]
    assert agreement.kappa(judged, "a", "b", power=1).value == pytest.approx(0.4)
    assert agreement.kappa(judged, "a", "b", power=2).value == pytest.approx(0.4)


def test_quadratic_kappa_is_what_its_definition_says() -> None:
    chance = random.Random(5)  # noqa: S311
    said = [(chance.choice((-1, 0, 1)), chance.choice((-1, 0, 1, 1))) for _ in range(300)]
    seen = sum((a - b) ** 2 for a, b in said) / len(said)
    expected = sum((a - b) ** 2 for a, _ in said for _, b in said) / len(said) ** 2
    found = agreement.kappa([{"a": [a], "b": [b]} for a, b in said], "a", "b")
    assert found.value == pytest.approx(1 - seen / expected)


def test_first_errors_agree_only_exactly() -> None:
    same = {"a": [1, -1], "b": [0, -1]}
    near = {"a": [1, -1], "b": [1, 1, -1]}
    none = {"a": [1, 1], "b": [1, 1]}
    found = agreement.first_errors([same, near, none])
    assert found.value == pytest.approx(2 / 3)
    assert found.pairs == 3


def test_nothing_to_say_is_not_perfect_agreement() -> None:
    assert agreement.alpha([]).value is None
    assert agreement.alpha([{"a": [1, 1]}]).value is None, "nobody judged the same"
    assert agreement.alpha([{"a": [1, 1], "b": [1, 1]}]).value is None, "only one value was used"


def test_intervals_are_over_solutions_seeded_and_cover() -> None:
    chance = random.Random(7)  # noqa: S311
    judged = []
    for _ in range(300):
        truth = [chance.choice((1, 1, 1, -1)) for _ in range(6)]
        judged.append({who: [-r if chance.random() < 0.1 else r for r in truth] for who in "ab"})
    whole = agreement.alpha(judged)
    assert whole == agreement.alpha(judged)
    assert whole.low < whole.value < whole.high
    few = agreement.alpha(judged[:20])
    assert few.high - few.low > 2 * (whole.high - whole.low), "fewer solutions, wider interval"
    doubled = [{who: said * 4 for who, said in each.items()} for each in judged[:20]]
    again = agreement.alpha(doubled)
    assert again.high - again.low == pytest.approx(few.high - few.low, rel=0.15), "more steps of the same"


def test_a_resample_is_drawn_as_it_would_be_one_by_one() -> None:
    """What is frequent comes as one binomial number: its mean, its spread and its ties to the others
    are those of draws with replacement."""
    chance = random.Random(3)  # noqa: S311
    weights = [500, 300, 50, 3]
    whole = sum(weights)
    drawn = [agreement.redrawn(chance, weights) for _ in range(4000)]
    assert all(each.total() == whole for each in drawn)
    for kind, weight in enumerate(weights):
        counts = [each[kind] for each in drawn]
        spread = weight * (1 - weight / whole)
        mean = sum(counts) / len(counts)
        assert mean == pytest.approx(weight, abs=4 * (spread / len(drawn)) ** 0.5)
        assert sum((count - mean) ** 2 for count in counts) / len(drawn) == pytest.approx(spread, rel=0.12)
    together = sum((each[0] - 500) * (each[1] - 300) for each in drawn) / len(drawn)
    assert together == pytest.approx(-500 * 300 / whole, rel=0.12)
