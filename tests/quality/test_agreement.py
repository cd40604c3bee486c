"""The arithmetic against published examples and against libraries that are not ours."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import krippendorff
import pytest
from nltk.metrics import interval_distance
from nltk.metrics.agreement import AnnotationTask

from app.quality import agreement_metrics

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: 4 observers, 12 units
FOUR_OBSERVERS = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}


def test_alpha_is_krippendorffs() -> None:
    figure = agreement_metrics.krippendorff_alpha([FOUR_OBSERVERS])
    assert figure.value == pytest.approx(0.815, abs=0.0005), "the ordinal alpha published with example C"
    assert figure.pairs == 40, "his n.., the pairable values"


def test_the_coincidences_give_his_other_alphas() -> None:
    """Nominal 0.743 and interval 0.849 for the same data: the same table under other differences."""
    table = agreement_metrics.coincidence_table(FOUR_OBSERVERS)
    margin: Counter[int] = Counter()
    for (value, _), weight in table.items():
        margin[value] += weight  # type: ignore[assignment]
    n = sum(margin.values())
    for published, power in ((0.743, 0), (0.849, 2)):
        apart = {(a, b): float(a != b) * abs(a - b) ** power for a in margin for b in margin}
        observed = sum(weight * apart[pair] for pair, weight in table.items())
        expected = sum(margin[a] * margin[b] * apart[a, b] for a in margin for b in margin) / (n - 1)
        assert 1 - observed / expected == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize("seed", range(12))
def test_alpha_is_the_librarys(seed: int) -> None:
    """krippendorff 0.9 on random ratings of three to five people, many of them missing; and where only two
    values are used, ordinal is nominal."""
    chance = random.Random(seed)  # noqa: S311
    people, units = chance.randint(3, 5), chance.randint(20, 60)
    missing, wrong = chance.uniform(0.1, 0.6), chance.uniform(0.05, 0.5)
    values = (-1, 1) if seed % 4 == 0 else (-1, 0, 1)
    truth = [chance.choice(values) for _ in range(units)]
    ratings: list[list[int | None]] = [
        [
            None
            if chance.random() < missing
            else chance.choice(values)
            if chance.random() < wrong
            else rating
            for rating in truth
        ]
        for _ in range(people)
    ]
    alpha = agreement_metrics.krippendorff_alpha([dict(enumerate(ratings))], times=1).value
    rows = [[float("nan") if rating is None else float(rating) for rating in row] for row in ratings]
    theirs = krippendorff.alpha(reliability_data=rows, level_of_measurement="ordinal")
    assert alpha == pytest.approx(theirs, abs=1e-9)
    if values == (-1, 1):
        assert alpha == pytest.approx(krippendorff.alpha(rows, level_of_measurement="nominal"), abs=1e-9)


def test_alpha_does_not_care_how_units_lie_in_solutions() -> None:
    parts = [{who: ratings[at : at + 3] for who, ratings in FOUR_OBSERVERS.items()} for at in range(0, 12, 3)]
    assert agreement_metrics.krippendorff_alpha(parts).value == pytest.approx(
        agreement_metrics.krippendorff_alpha([FOUR_OBSERVERS]).value
    )


def test_two_observers_by_hand() -> None:
    """Krippendorff 2011, example A: two observers, ten units, two values: alpha = 0.095."""
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert agreement_metrics.krippendorff_alpha([{"a": first, "b": second}]).value == pytest.approx(
        0.095, abs=0.0005
    )


def test_kappa_is_cohens() -> None:
    """A table worked by hand: 50 cases, 20 and 15 on the diagonal, p_e = 0.5; kappa = 0.4 at any weight
    where there are two values."""
    pairs = [(1, 1)] * 20 + [(1, -1)] * 5 + [(-1, 1)] * 10 + [(-1, -1)] * 15
    judged = [{"a": [a], "b": [b]} for a, b in pairs]
    assert agreement_metrics.weighted_kappa(judged, "a", "b", power=1).value == pytest.approx(0.4)
    assert agreement_metrics.weighted_kappa(judged, "a", "b", power=2).value == pytest.approx(0.4)


def test_quadratic_kappa_is_what_its_definition_says() -> None:
    chance = random.Random(5)  # noqa: S311
    pairs = [(chance.choice((-1, 0, 1)), chance.choice((-1, 0, 1, 1))) for _ in range(300)]
    seen = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
    expected = sum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    figure = agreement_metrics.weighted_kappa([{"a": [a], "b": [b]} for a, b in pairs], "a", "b")
    assert figure.value == pytest.approx(1 - seen / expected)


# Published tables with linearly weighted kappas: Hout, Duncan & Sobel 1987 (husbands' and wives' answers)
# and Landis & Koch 1977 (two neurologists, patients of Winnipeg and New Orleans), both with the figures of
# Friendly's "Visualizing Categorical Data" and of the R package vcd, to four places
PUBLISHED = {
    "answers": (0.2374, [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]),
    "Winnipeg": (0.3797, [[38, 5, 0, 1], [33, 11, 3, 0], [10, 14, 5, 6], [3, 7, 3, 10]]),
    "New Orleans": (0.4773, [[5, 3, 0, 0], [3, 11, 4, 0], [2, 13, 3, 4], [1, 2, 4, 14]]),
}


def judged_as(table: Sequence[Sequence[int]]) -> list[dict[str, list[int]]]:
    cells = [(a, b, count) for a, row in enumerate(table) for b, count in enumerate(row)]
    return [{"a": [a], "b": [b]} for a, b, count in cells for _ in range(count)]


@pytest.mark.parametrize("name", PUBLISHED)
def test_linear_kappa_is_the_published_one(name: str) -> None:
    published, table = PUBLISHED[name]
    figure = agreement_metrics.weighted_kappa(judged_as(table), "a", "b", power=1, times=1)
    assert figure.value == pytest.approx(published, abs=0.00005)


@pytest.mark.parametrize("seed", range(6))
def test_kappa_is_the_librarys(seed: int) -> None:
    """NLTK's weighted kappa, with absolute and with squared distances, where both rated the step; and
    squared it is what Fleiss & Cohen 1973 showed: a correlation that also pays for different means."""
    chance = random.Random(seed)  # noqa: S311
    pairs = [(chance.choice((-1, 0, 1, 1)), chance.choice((-1, 0, 1))) for _ in range(60)]
    pairs = [(a, a if chance.random() < 0.5 else b) for a, b in pairs]
    judged = [{"a": [a, None, 1], "b": [b, 1]} for a, b in pairs]
    task = AnnotationTask([(who, n, pair[at]) for n, pair in enumerate(pairs) for at, who in enumerate("ab")])
    for power, distance in ((1, lambda a, b: abs(a - b)), (2, interval_distance)):
        task.distance = distance
        figure = agreement_metrics.weighted_kappa(judged, "a", "b", power=power, times=1)
        assert figure.value == pytest.approx(task.weighted_kappa_pairwise("a", "b"), abs=1e-9)
        assert figure.pairs == len(pairs), "steps that only one rated do not count"
    mean_a, mean_b = (sum(pair[at] for pair in pairs) / len(pairs) for at in (0, 1))
    covariance = sum((a - mean_a) * (b - mean_b) for a, b in pairs)
    spread = sum((a - mean_a) ** 2 + (b - mean_b) ** 2 for a, b in pairs)
    shift = len(pairs) * (mean_a - mean_b) ** 2
    assert figure.value == pytest.approx(2 * covariance / (spread + shift))


def test_first_errors_agree_only_exactly() -> None:
    same = {"a": [1, -1], "b": [0, -1]}
    near = {"a": [1, -1], "b": [1, 1, -1]}
    none = {"a": [1, 1], "b": [1, 1]}
    figure = agreement_metrics.first_error_agreement([same, near, none])
    assert figure.value == pytest.approx(2 / 3)
    assert figure.pairs == 3


def test_nothing_to_say_is_not_perfect_agreement() -> None:
    assert agreement_metrics.krippendorff_alpha([]).value is None
    assert agreement_metrics.krippendorff_alpha([{"a": [1, 1]}]).value is None, "nobody judged the same"
    assert agreement_metrics.krippendorff_alpha([{"a": [1, 1], "b": [1, 1]}]).value is None, (
        "only one value was used"
    )


def test_intervals_are_over_solutions_seeded_and_cover() -> None:
    chance = random.Random(7)  # noqa: S311
    judged = []
    for _ in range(300):
        truth = [chance.choice((1, 1, 1, -1)) for _ in range(6)]
        judged.append({who: [-r if chance.random() < 0.1 else r for r in truth] for who in "ab"})
    of_all = agreement_metrics.krippendorff_alpha(judged)
    assert of_all == agreement_metrics.krippendorff_alpha(judged)
    assert of_all.low < of_all.value < of_all.high
    few = agreement_metrics.krippendorff_alpha(judged[:20])
    assert few.high - few.low > 2 * (of_all.high - of_all.low), "fewer solutions, wider interval"
    doubled = [{who: ratings * 4 for who, ratings in solution.items()} for solution in judged[:20]]
    again = agreement_metrics.krippendorff_alpha(doubled)
    assert again.high - again.low == pytest.approx(few.high - few.low, rel=0.15), "more steps of the same"


def test_batches_of_solutions_vary_as_solutions_do() -> None:
    """Past MOST solutions the interval is that of drawing each by itself, and the value is exact."""
    chance = random.Random(11)  # noqa: S311
    shares = [0.02, 0.3]
    tables = []
    for _ in range(6000):  # two sorts of solutions: it matters that whole solutions are drawn
        differ = chance.random() < shares[chance.random() < 0.2]
        tables.append({(0, int(not differ)): 3.0})
    batches = agreement_metrics.Batches(tables)
    assert len(batches.tables) == agreement_metrics.MAX_BATCHES
    assert batches.solutions == len(tables)
    figure = agreement_metrics.bootstrap_figure(batches, agreement_metrics.share_of_table, times=2000)
    same = sum((0, 1) in table for table in tables) / len(tables)
    assert figure.value == pytest.approx(same)
    assert (figure.pairs, figure.solutions) == (18000, 6000)
    spread = (same * (1 - same) / len(tables)) ** 0.5
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * spread, rel=0.08)
    sizes = [sum(table.values()) / 3 for table in batches.tables]
    assert max(sizes) < 3 * 6000 / agreement_metrics.MAX_BATCHES, "no batch outweighs the others"


def test_an_interval_covers_what_it_should() -> None:
    """60 small samples of a crowd whose errors come whole solutions at a time: some 95 % of their intervals
    hold the crowd's own figure, a little fewer with a percentile bootstrap. Over steps instead of
    solutions they would be too narrow, and hold it far less often."""
    chance = random.Random(11)  # noqa: S311

    def rated(truth: list[int], lost: bool) -> list[int]:
        return [chance.choice((-1, 0, 1)) if lost or chance.random() < 0.1 else rating for rating in truth]

    def drawn(solutions: int) -> list[dict[str, list[int]]]:
        truths = [[chance.choice((1, 1, 0, -1)) for _ in range(10)] for _ in range(solutions)]
        return [{who: rated(truth, chance.random() < 0.3) for who in "ab"} for truth in truths]

    crowd = drawn(5_000)
    alpha = agreement_metrics.krippendorff_alpha(crowd, times=1).value
    same = agreement_metrics.first_error_agreement(crowd, times=1).value
    held: Counter[str] = Counter()
    for number in range(60):
        sample = drawn(60)
        steps = [
            {who: [ratings[at]] for who, ratings in solution.items()}
            for solution in sample
            for at in range(10)
        ]
        for name, true, figure in (
            ("alpha", alpha, agreement_metrics.krippendorff_alpha(sample, times=80, seed=number)),
            ("first error", same, agreement_metrics.first_error_agreement(sample, times=80, seed=number)),
            ("over steps", alpha, agreement_metrics.krippendorff_alpha(steps, times=80, seed=number)),
        ):
            held[name] += figure.low <= true <= figure.high
    assert held["alpha"] / 60 >= 0.85
    assert held["first error"] / 60 >= 0.85
    assert held["over steps"] / 60 < 0.82
