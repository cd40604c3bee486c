"""The interface of a world. Texts are words separated by single spaces, so that a word is a token and one
core writes thousands of solutions per minute."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

ANSWER = "answer"
ASKED = 0.4
"""Exponent of the weights in problems: a fact that is a hundred times as rare in the corpus is about six
times as rare in problems."""
SO = "so"
"""First word of a step that repeats a known value: true, but without progress."""


@dataclass(frozen=True)
class PosedProblem:
    """A problem and its correct answer."""

    statement: str
    answer: str


class World(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """All words of problems and steps."""
        ...

    def book(self, chance: random.Random) -> World:
        """The source of the next line of the corpus: the world itself, or a version of it with errors."""
        ...

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> PosedProblem:
        """A problem. `common`: as in the corpus, with short problems and with some facts a hundred times as
        frequent as others; otherwise rare facts are more frequent. `shifted`: longer than the corpus."""
        ...

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        """A worked solution. Every step is positive or neutral, and the last one is "answer ..."."""
        ...

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        """Rating of every step, in order: 1 (true, with progress), 0 (true, without progress) or -1 (false).
        Steps that build on a false step are false, unless they return to the truth."""
        ...

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """A false step in the place of `steps[place]`."""
        ...


def final_answer(steps: Sequence[str]) -> str | None:
    """The final answer of a solution. None if there is no answer."""
    tokens = steps[-1].split(" ") if steps else []
    return " ".join(tokens[1:]) if len(tokens) > 1 and tokens[0] == ANSWER else None


def up_to_first_error(ratings: Sequence[int]) -> list[int]:
    """The ratings of a labeler who stops at the first negative step."""
    return list(ratings[: ratings.index(-1) + 1]) if -1 in ratings else list(ratings)


def rate_in_order(
    worked: Sequence[str], values: Sequence[str], answer: str, steps: Sequence[str]
) -> list[int]:
    """Ratings if every step has one place. `worked` are the possible steps, `values` the known value before
    each and after the last; a step that repeats it is neutral."""
    done, ratings = 0, []
    for step in steps:
        if done < len(worked) and step == worked[done]:
            done += 1
            ratings.append(1)
        elif step == f"{SO} {values[done]}":
            ratings.append(0)
        else:
            ratings.append(1 if done == len(worked) and step == f"{ANSWER} {answer}" else -1)
    return ratings


def flip_ratings(ratings: Sequence[int], rate: float, chance: random.Random) -> list[int]:
    """Label noise: with probability `rate`, a false step is positive or a true step is negative."""
    return [(1 if rating < 0 else -1) if chance.random() < rate else rating for rating in ratings]


def rarity_weights(count: int, chance: random.Random, times: float) -> list[float]:
    """Weights of `count` facts: a random third of them is `times` as rare as the others."""
    weights = [1 / times if place < count // 3 else 1.0 for place in range(count)]
    chance.shuffle(weights)
    return weights
