"""The worlds that a language model solves: their judge is exact."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from app.world.kinds import WORLDS
from app.world.kinds.base import final_answer, flip_ratings, up_to_first_error

SEEDS = range(150)


def chance(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311


@pytest.fixture(params=sorted(WORLDS))
def world(request):
    return WORLDS[request.param]


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("common", [False, True])
def test_worked_solutions_are_true_and_right(world, common, shifted):
    for seed in SEEDS:
        posed = world.draw(chance(seed), common=common, shifted=shifted)
        steps = world.solve(posed, chance(seed))

        ratings = world.rate(posed, steps)

        assert -1 not in ratings, (posed, steps, ratings)
        assert ratings[-1] == 1
        assert final_answer(steps) == posed.answer


def test_every_word_is_in_the_vocabulary(world):
    for seed in SEEDS:
        posed = world.draw(chance(seed), shifted=seed % 2 == 0)
        steps = world.solve(posed, chance(seed))

        vocabulary = {word for text in (posed.statement, *steps) for word in text.split(" ")}

        assert vocabulary <= set(world.words)


def test_a_spoiled_step_is_negative_and_earlier_steps_are_unchanged(world):
    for seed in SEEDS:
        posed = world.draw(chance(seed))
        steps = world.solve(posed, chance(seed))
        place = chance(f"place {seed}").randrange(len(steps))
        false = world.spoil(posed, steps, place, chance(seed))

        ratings = world.rate(posed, [*steps[:place], false, *steps[place + 1 :]])

        assert ratings[:place] == world.rate(posed, steps)[:place]
        assert ratings[place] == -1, (posed, steps[place], false)


def test_a_changed_word_changes_the_rating(world):
    for seed in SEEDS:
        posed = world.draw(chance(seed))
        steps = world.solve(posed, chance(seed))
        at = chance(f"at {seed}")
        place = at.randrange(len(steps))
        tokens = steps[place].split(" ")
        others = [word for word in world.words if word not in (*tokens, "so", "answer")]
        tokens[at.randrange(len(tokens))] = at.choice(others)

        ratings = world.rate(posed, [*steps[:place], " ".join(tokens)])

        assert ratings[-1] == -1


def test_a_repeated_step_is_neutral(world):
    for seed in SEEDS:
        posed = world.draw(chance(seed))
        steps = [step for step in world.solve(posed, chance(seed)) if not step.startswith("so ")]
        between = {"lineage": " > ", "knockout": " > ", "misprints": " > "}.get(world.name, " = ")
        again = f"so {steps[0].split(between)[-1]}"

        assert world.rate(posed, [steps[0], again, *steps[1:]])[1] == 0


def test_nonsense_is_negative_and_has_no_answer(world):
    posed = world.draw(chance(0))

    for nonsense in ("", "answer", "hello there", "= = =", "answer answer answer"):
        assert world.rate(posed, [nonsense]) == [-1]
    assert final_answer([]) is None
    assert final_answer(["answer"]) is None
    assert final_answer(["7 + 2 = 9"]) is None


def test_common_and_rare_facts_differ(world):
    """A corpus holds some facts many times as often as others; a plain draw does not."""

    def counted(common: bool) -> dict[str, int]:
        counts: dict[str, int] = {}
        for seed in range(1_000):
            posed = world.draw(chance(seed), common=common)
            for fact in facts(world.name, posed.statement, world.solve(posed, chance(seed))):
                counts[fact] = counts.get(fact, 0) + 1
        return counts

    plain, corpus = counted(False), counted(True)
    seldom = sorted(plain, key=lambda fact: corpus.get(fact, 0))[: len(plain) // 4]

    def share(counts: dict[str, int]) -> float:
        return sum(counts.get(fact, 0) for fact in seldom) / sum(counts.values())

    assert share(corpus) < 0.5 * share(plain)


def facts(kind: str, statement: str, steps: list[str]) -> list[str]:
    """What has to be known: operations on values, who is above whom, pairs of letters."""
    if kind == "ordering":
        return [" ".join(sorted(pair)) for pair in combinations(statement.split(" ")[2:], 2)]
    return [step for step in steps if not step.startswith(("so ", "answer "))]


def test_the_corpus_of_misprints_errs_on_rare_facts_only(world):
    """Solutions of the corpus follow the corpus; exact ratings know better."""
    at, wrong = chance("books"), 0
    for seed in SEEDS:
        book = world.book(at)
        posed = book.draw(chance(seed))
        steps = book.solve(posed, chance(seed))
        assert -1 not in book.rate(posed, steps)
        wrong += -1 in world.rate(posed, steps)
    assert (wrong > 0) == (world.name == "misprints")
    assert wrong < len(SEEDS) / 2


def test_shifted_problems_are_longer(world):
    def longest(shifted: bool) -> int:
        return max(
            len(world.solve(world.draw(chance(seed), shifted=shifted), chance(seed))) for seed in SEEDS
        )

    assert longest(True) > longest(False)


def test_labels_stop_at_the_first_error_and_noise_is_repeatable():
    assert up_to_first_error([1, 0, -1, 1, -1]) == [1, 0, -1]
    assert up_to_first_error([1, 0, 1]) == [1, 0, 1]
    ratings = [1, -1, 0] * 400
    noisy = flip_ratings(ratings, 0.2, chance(1))
    assert noisy == flip_ratings(ratings, 0.2, chance(1))
    assert (
        0.15 < sum(exact != other for exact, other in zip(ratings, noisy, strict=True)) / len(ratings) < 0.25
    )
    assert flip_ratings(ratings, 0.0, chance(1)) == ratings
