"""What every world can do. Text is words with a space between them, so that a word is a token
and thousands of solutions a minute can be written on one core."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

ANSWER = "answer"
ASKED = 0.4
"""What is a hundred times as rare in the corpus is six times as rare in what is asked."""
SO = "so"
"""Begins a step that says again what is known: true, and no progress."""


@dataclass(frozen=True)
class PosedProblem:
    """A problem as it is put, and its one right answer."""

    statement: str
    answer: str


class World(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that may stand in a problem or a step."""
        ...

    def book(self, chance: random.Random) -> World:
        """What the corpus takes its next line from: the world itself, or a book of it that errs."""
        ...

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> PosedProblem:
        """A problem. `common`: as a corpus has them, short ones too, and some facts a hundred times
        as often as others; else as they are asked, where the rare ones are less rare. `shifted`:
        longer than any the corpus holds."""
        ...

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        """A worked solution, every step positive or neutral, the last one "answer ..."."""
        ...

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        """1 (true, and gets on), 0 (true, and does not) or -1 (false) for every step, in order.
        What builds on a false step is false, unless it finds back to the truth."""
        ...

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """A false step in place of `steps[place]`: what a book of errors would show there."""
        ...


def final_answer(steps: Sequence[str]) -> str | None:
    """What a solution says; None where it never comes to say it."""
    tokens = steps[-1].split(" ") if steps else []
    return " ".join(tokens[1:]) if len(tokens) > 1 and tokens[0] == ANSWER else None


def up_to_first_error(ratings: Sequence[int]) -> list[int]:
    """The ratings a labeler gives who stops at the first negative one."""
    return list(ratings[: ratings.index(-1) + 1]) if -1 in ratings else list(ratings)


def rate_in_order(
    worked: Sequence[str], values: Sequence[str], answer: str, steps: Sequence[str]
) -> list[int]:
    """The ratings where every step has its one place: `worked` are the steps there are to say, and `known`
    what is known before each and after the last, which saying again is neutral."""
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
    """A labeler who, with probability `rate`, calls a false step positive or a true one negative."""
    return [(1 if rating < 0 else -1) if chance.random() < rate else rating for rating in ratings]


def rarity_weights(count: int, chance: random.Random, times: float) -> list[float]:
    """Weights of `count` things: a third of them, by lot, are `times` as rare as the others."""
    weights = [1 / times if place < count // 3 else 1.0 for place in range(count)]
    chance.shuffle(weights)
    return weights
