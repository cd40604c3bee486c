"""The whole world from one seed: problems in three splits, solutions of each, and the truth
of every step. Equal seeds give equal worlds, so the truth need not be stored: it is made again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from app.world.arithmetic import SKILLS
from app.world.families import STORIES, equation, story
from app.world.judge import judge
from app.world.problem import Problem
from app.world.reasoner import solve

SPLITS = ("train",) * 7 + ("validation", "test", "validation")


@dataclass(frozen=True)
class Solution:
    name: str
    generator: str
    steps: tuple[str, ...]
    ratings: tuple[int, ...]
    """The judge's, one a step."""

    @property
    def answer(self) -> str:
        return self.steps[-1].removeprefix("# Answer").strip()


@dataclass(frozen=True)
class Entry:
    problem: Problem
    split: str
    solutions: tuple[Solution, ...]


def world(problems: int = 240, solutions: int = 8, seed: int = 1) -> Iterator[Entry]:
    """`problems` different problems, each with `solutions` solutions by reasoners of
    different skill; one in ten is a test problem, two are validation problems."""
    seen: set[str] = set()
    for number in range(problems):
        attempt = 0
        while True:
            chance = random.Random(f"{seed}:{number}:{attempt}")  # noqa: S311 - a repeatable world
            made = _problem(number, chance)
            if made.statement not in seen:
                break
            attempt += 1
        seen.add(made.statement)
        yield Entry(made, SPLITS[number % len(SPLITS)], tuple(_solutions(made, solutions, chance)))


def _problem(number: int, chance: random.Random) -> Problem:
    family = (*STORIES, "equations")[number % 4]
    level = 1 + number // 4 % 3
    name = f"{family}-{number:04}"
    return equation(chance, name, level) if family == "equations" else story(family, chance, name, level)


def _solutions(problem: Problem, count: int, chance: random.Random) -> Iterator[Solution]:
    for place in range(count):
        skill = SKILLS[place % len(SKILLS)]
        steps = solve(problem, skill, chance)
        yield Solution(
            f"{problem.name}-{place}", f"{skill.name} reasoner", tuple(steps), tuple(judge(problem, steps))
        )
