"""The rules of selection against a slow reading of them, and as properties."""

from __future__ import annotations

import doctest
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.selection import gate, mixtures, select_in_memory, step_uncertainty
from app.selection.mixtures import MIXTURES
from app.selection.score_orders import ScoredSolution
from app.selection.select_in_memory import Selection, apportion, interleave, select_solutions
from app.selection.shuffle import Shuffle
from app.selection.strategies import STRATEGIES

scores = st.floats(-20, 0).map(lambda value: round(value, 1))
verdicts = st.sampled_from(["correct", "incorrect", "unparseable"])
candidates = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3), verdicts, scores), max_size=40).map(
    lambda rows: [
        ScoredSolution(number, problem, bytes([twin]), verdict, score)
        for number, (problem, twin, verdict, score) in enumerate(rows, 1)
    ]
)
shares = st.fixed_dictionaries({name: st.sampled_from([0.0, 0.2, 0.5, 0.8]) for name in STRATEGIES}).filter(
    lambda chosen: sum(chosen.values()) > 0
)


probability = st.sampled_from([0.1, 0.5, 0.6, 0.9, 1.0])
insides = st.lists(
    st.lists(st.tuples(probability, st.sampled_from("abcd")), max_size=3), min_size=40, max_size=40
)


def slow(
    pool: list[ScoredSolution], size: int, shares: dict[str, float], cap: int, seed: int, inside: list[list]
) -> list[tuple]:
    """Pick by pick: look at everything that is left, keep what the rules allow, take the best."""
    got: list[tuple] = []
    chosen: list[ScoredSolution] = []
    if not pool:
        return []
    ids = [row.solution_id for row in pool]
    shuffle = Shuffle(min(ids), max(ids), seed)
    carried = 0

    def capped(row):
        return row in chosen or sum(other.problem_id == row.problem_id for other in chosen) >= cap

    for name, places in apportion(size, shares).items():
        carried += places
        rank = 0
        required = {
            "incorrect": ("convincing_wrong", "convincing_wrong_by_step"),
            "correct": ("doubted_correct_by_step",),
        }
        suited = [
            row
            for row in pool
            if row.verdict in required
            and not any(name in names for v, names in required.items() if v != row.verdict)
        ]
        key = {
            row.solution_id: shuffle.place(row.solution_id)
            if name == "random"
            else (-row.log_score, row.solution_id)
            for row in suited
        }
        about: dict[int, int] = {}
        if name in ("convincing_wrong_by_step", "doubted_correct_by_step", "uncertain_step"):
            key, about = turns(name, [row for row in suited if not capped(row)], inside)
        while carried:
            allowed = [
                row
                for row in suited
                if row.solution_id in key
                and all(row.duplicate_key != other.duplicate_key for other in chosen)
                and not capped(row)
            ]
            if not allowed:
                break
            best = min(allowed, key=lambda row: key[row.solution_id])
            chosen.append(best)
            rank += 1
            carried -= 1
            got.append((best.solution_id, name, rank, about.get(best.solution_id)))
    return got


def turns(name: str, pool: list[ScoredSolution], inside: list[list]) -> tuple[dict, dict[int, int]]:
    """How many of its step come before it, then how it stands in the strategy's order; and its step."""
    stands, about = {}, {}
    for row in pool:
        steps = inside[row.solution_id - 1]
        odds = [math.prod(p for p, _ in steps[:place]) for place in range(len(steps))]
        wrong = [reached * (1 - p) for reached, (p, _) in zip(odds, steps, strict=True)]
        doubts = [reached * p * (1 - p) for reached, (p, _) in zip(odds, steps, strict=True)]
        if not steps:
            continue
        if name == "uncertain_step":
            about[row.solution_id] = doubts.index(max(doubts))
            stands[row.solution_id] = (-max(doubts), row.solution_id)
        else:
            sign = 1 if name == "doubted_correct_by_step" else -1
            about[row.solution_id] = wrong.index(max(wrong))
            stands[row.solution_id] = (sign * row.log_score, -sign * row.solution_id)
    step_text = {key: inside[key - 1][place][1] for key, place in about.items()}
    before = {
        key: sum(step_text[o] == step_text[key] and stands[o] < stands[key] for o in step_text)
        for key in step_text
    }
    return {key: (before[key], stands[key]) for key in step_text}, about


@given(candidates, st.integers(1, 30), shares, st.integers(1, 4), st.integers(0, 3), insides)
def test_it_picks_what_a_slow_reading_of_the_rules_picks(pool, size, shares, cap, seed, inside):
    right = {number: [p for p, _ in steps] for number, steps in enumerate(inside, 1)}
    texts = {number: [text for _, text in steps] for number, steps in enumerate(inside, 1)}

    picks = select_solutions(pool, size, shares, cap, seed, 7, right, texts)

    assert [(pick.solution_id, pick.strategy, pick.rank, pick.position) for pick in picks] == slow(
        pool, size, shares, cap, seed, inside
    )


def test_the_examples_in_the_rules_hold():
    for module in (select_in_memory, step_uncertainty, mixtures, gate):
        assert doctest.testmod(module).attempted
        assert not doctest.testmod(module).failed


def test_every_strategy_and_mixture_is_complete():
    for name, strategy in STRATEGIES.items():
        assert strategy.id == name
        assert strategy.label
        assert strategy.description
    for name, mixture in MIXTURES.items():
        assert mixture.id == name
        assert set(mixture.shares) <= set(STRATEGIES)
        assert sum(mixture.shares.values()) == pytest.approx(1)


@given(candidates, st.integers(1, 30), shares, st.integers(1, 4), st.randoms())
def test_what_comes_out_whatever_goes_in(pool, size, shares, cap, random):
    picks = select_solutions(pool, size, shares, cap, seed=0, model_id=7)
    by_id = {row.solution_id: row for row in pool}

    assert len(picks) <= size
    assert len({pick.solution_id for pick in picks}) == len(picks)
    assert max(Counter(pick.problem_id for pick in picks).values(), default=0) <= cap
    assert all(by_id[pick.solution_id].verdict != "unparseable" for pick in picks)
    assert all(
        by_id[pick.solution_id].verdict
        == (STRATEGIES[pick.strategy].required_verdict or by_id[pick.solution_id].verdict)
        for pick in picks
    )
    twins = [by_id[pick.solution_id].duplicate_key for pick in picks]
    assert len(set(twins)) == len(twins)
    assert all(pick.score == math.exp(by_id[pick.solution_id].log_score) for pick in picks)
    assert all(pick.model_id == 7 for pick in picks)

    shuffled = list(pool)
    random.shuffle(shuffled)
    assert select_solutions(shuffled, size, shares, cap, seed=0, model_id=7) == picks


def test_the_papers_mixture_on_a_pool_that_has_enough():
    pool = [ScoredSolution(n, n, b"", "incorrect" if n % 2 else "correct", -n / 100) for n in range(1, 201)]

    picks = select_solutions(pool, 10, {"convincing_wrong": 0.8, "most_convincing": 0.2}, 1, 0)

    assert [(pick.strategy, pick.solution_id) for pick in picks] == [
        *(("convincing_wrong", n) for n in (1, 3, 5, 7, 9, 11, 13, 15)),
        *(("most_convincing", n) for n in (2, 4)),
    ]


def test_places_the_wrong_answers_cannot_fill_go_to_the_rest():
    pool = [ScoredSolution(n, n, b"", "incorrect" if n == 5 else "correct", -n / 100) for n in range(1, 20)]

    picks = select_solutions(pool, 10, {"convincing_wrong": 0.8, "most_convincing": 0.2}, 1, 0)

    assert Counter(pick.strategy for pick in picks) == {"convincing_wrong": 1, "most_convincing": 9}


def test_the_control_arm_does_not_look_at_the_score():
    pool = [ScoredSolution(n, n, b"", "incorrect", -n / 100) for n in range(1, 2001)]

    drawn = [pick.solution_id for pick in select_solutions(pool, 400, {"random": 1}, 1, seed=3)]
    again = [pick.solution_id for pick in select_solutions(pool, 400, {"random": 1}, 1, seed=4)]

    assert drawn != again
    assert 850 < sum(drawn) / len(drawn) < 1150


@given(st.integers(1, 500), shares)
def test_every_place_is_given_and_none_is_more_than_one_off_its_share(size, shares):
    given_out = apportion(size, shares)
    total = sum(shares.values())

    assert sum(given_out.values()) == size
    assert all(abs(places - size * shares[name] / total) < 1 for name, places in given_out.items())


@given(st.integers(-50, 50), st.integers(1, 300), st.integers(0, 5))
def test_a_shuffle_is_an_order_of_the_whole_range_and_knows_its_way_back(first, count, seed):
    shuffle = Shuffle(first, first + count - 1, seed)

    drawn = [shuffle.at(position) for position in range(count)]

    assert sorted(drawn) == list(range(first, first + count))
    assert [shuffle.place(number) for number in drawn] == list(range(count))


@given(st.integers(0, 40), st.integers(0, 40))
def test_any_first_part_of_the_queue_holds_the_mixture(wrong, rest):
    picks = [Selection(n, n, "convincing_wrong", 0.5, n, None) for n in range(1, wrong + 1)]
    picks += [Selection(100 + n, n, "most_convincing", 0.5, n, None) for n in range(1, rest + 1)]

    queue = interleave(picks)

    assert Counter(queue) == Counter(picks)
    for cut in range(len(queue) + 1):
        got = sum(pick.strategy == "convincing_wrong" for pick in queue[:cut])
        assert abs(got - cut * wrong / max(1, len(queue))) <= 1


def test_shares_need_not_sum_to_one():
    assert apportion(10, {"convincing_wrong": 80, "most_convincing": 20}) == {
        "convincing_wrong": 8,
        "most_convincing": 2,
    }


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17])
def test_small_shuffles(count):
    assert sorted(Shuffle(10, 9 + count, 0).at(p) for p in range(count)) == list(range(10, 10 + count))
