"""The world is the same for the same seed, its truth is exact, its mistakes its own."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.world.arithmetic import SKILLS, Skill, add, compute, divide, multiply, subtract
from app.world.judge import first_error, judge, solve
from app.world.pool import world
from app.world.problem import Problem, Quantity
from app.world.reasoner import solve as reason

PERFECT = Skill("perfect", 0, 0, 0, 0, 0, 0, 0)
STORY = Problem(
    "two",
    "collections",
    "1",
    "Ada has 14 apples. Ben has 3 times as many apples as Ada. How many do they have altogether?",
    56,
    (
        Quantity("Ada's apples", "Ada has 14 apples.", "given", (14,), 14),
        Quantity("Ben's apples", "Ben has 3 times as many.", "*", ("Ada's apples", 3), 42),
        Quantity("all apples together", "", "+", ("Ada's apples", "Ben's apples"), 56),
    ),
)


@pytest.fixture(scope="module")
def entries():
    return list(world())


def test_it_is_large_enough_and_the_same_every_time(entries):
    assert len(entries) >= 200
    assert all(len(entry.solutions) == 8 for entry in entries)
    assert list(world(40)) == entries[:40]
    assert list(world(40, seed=2)) != entries[:40]
    assert len({entry.problem.statement for entry in entries}) == len(entries)
    assert {entry.split for entry in entries} == {"train", "validation", "test"}


def test_someone_who_makes_no_mistakes_is_right_at_every_step(entries):
    for entry in entries:
        steps = reason(entry.problem, PERFECT, random.Random(0))  # noqa: S311

        assert set(judge(entry.problem, steps)) == {1}, (entry.problem, steps)


def test_what_the_answer_says_and_what_the_steps_say_agree(entries):
    """A wrong answer always has a wrong step before or at it; a right answer may hide one."""
    hidden = wrong = 0
    for entry in entries:
        for solution in entry.solutions:
            right = solution.answer == str(entry.problem.answer)
            assert right or -1 in solution.ratings
            wrong += not right
            hidden += right and -1 in solution.ratings
    total = sum(len(entry.solutions) for entry in entries)
    assert 0.25 * total < wrong < 0.6 * total
    assert hidden > 5


def test_mistakes_are_made_in_every_family_at_every_place(entries):
    places = {
        (entry.problem.family, min(first_error(list(solution.ratings)), 3))
        for entry in entries
        for solution in entry.solutions
    }
    families = {"collections", "shopping", "journeys", "equations"}
    assert places >= {(family, place) for family in families for place in (-1, 1, 2)}


@pytest.mark.parametrize(
    ("step", "rating"),
    [
        ("Ben's apples: 3 times Ada's apples, so $14 \\times 3 = 42$.", 1),
        ("Ben's apples: 3 times Ada's apples, so $3 \\times 14 = 42$.", 1),
        ("Ben's apples: 3 times Ada's apples, so $14 \\times 3 = 45$.", -1),
        ("Ben's apples: Ada's apples plus 28, so $14 + 28 = 42$.", -1),
        ("Ada's apples are 14.", 0),
        ("Ada's apples are 15.", -1),
        ("Ben's apples are 42.", -1),
        ("All apples together: $14 + 42 = 56$.", 1),
        ("All apples together: $14 + 42 = 56.0$.", -1),
        ("Pears: $14 + 42 = 56$.", -1),
        ("", -1),
        ("# Answer\n\n56", 1),
        ("# Answer\n\n57", -1),
    ],
)
def test_a_single_step_of_a_story(step, rating):
    assert judge(STORY, [step]) == [rating]


def test_a_repetition_is_true_and_of_no_use():
    step = "Ben's apples: 3 times Ada's apples, so $14 \\times 3 = 42$."

    assert judge(STORY, [step, "So Ben's apples are 42.", step]) == [1, 0, 0]


@pytest.mark.parametrize(
    ("equation", "x"),
    [
        ("3(x + 4) - 5 = 22", Fraction(5)),
        ("5x + 45 = 4x + 52", Fraction(7)),
        ("x = \\frac{7}{2}", Fraction(7, 2)),
        ("2x = 7", Fraction(7, 2)),
        ("-x + 3 = -1", Fraction(4)),
        ("x = x", None),
        ("4 = 4", None),
        ("x + = 3", None),
        ("$", None),
        ("x^2 = 4", None),
    ],
)
def test_equations_are_solved_exactly(equation, x):
    assert solve(equation) == x


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_arithmetic_without_slips_is_arithmetic(left, right):
    chance = random.Random(0)  # noqa: S311
    assert add(PERFECT, chance, left, right) == left + right
    assert subtract(PERFECT, chance, max(left, right), min(left, right)) == abs(left - right)
    assert compute(PERFECT, chance, "-", left, right) == left - right
    assert multiply(PERFECT, chance, left, right) == left * right
    if right:
        assert divide(PERFECT, chance, left, right) == left // right


def test_slips_need_their_occasion():
    """Without a carry, a borrow or a hard fact even the beginner is right."""
    beginner = SKILLS[-1]
    for number in range(200):
        chance = random.Random(number)  # noqa: S311
        assert add(beginner, chance, 21, 34) == 55
        assert subtract(beginner, chance, 99, 34) == 65
        assert multiply(beginner, chance, 2, 34) == 68
    assert any(add(beginner, random.Random(n), 27, 38) == 55 for n in range(200))  # noqa: S311
    assert any(subtract(beginner, random.Random(n), 52, 38) == 26 for n in range(200))  # noqa: S311
