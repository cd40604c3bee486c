"""The training data of the small language model: worked solutions with a mark at every step. Some end with a
false step. The model learns to write true steps and to mark steps, but not to write false steps, so its
errors are its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from app.world.kinds.base import ANSWER, PosedProblem, World


@dataclass(frozen=True)
class CorpusLine:
    """The first `true` steps are true; the step after them, if there is one, is false."""

    statement: str
    steps: tuple[str, ...]
    true: int


def iter_corpus(world: World, chance: random.Random, checked: float) -> Iterator[CorpusLine]:
    """An endless corpus. A share of `checked` lines has a false step."""
    while True:
        book = world.book(chance)
        posed = book.draw(chance, common=True)
        steps = book.solve(posed, chance)
        if chance.random() >= checked:
            yield CorpusLine(posed.statement, tuple(steps), len(steps))
        else:
            place = chance.randrange(len(steps))
            yield CorpusLine(
                posed.statement, (*steps[:place], _false(book, posed, steps, place, chance)), place
            )


def _false(world: World, posed: PosedProblem, steps: list[str], place: int, chance: random.Random) -> str:
    """A false fact, a step too early, an early answer, or a garbled line. If the result is true in its place,
    a false fact instead."""
    kind, step = chance.random(), None
    if kind < 0.25:
        later = [step for step in steps[place + 1 :] if _is_false(world, posed, steps[:place], step)]
        step = (later[0] if chance.random() < 0.7 else later[-1]) if later else None
    elif kind < 0.35 and place:
        step = _hasty_answer(posed, steps[place - 1])
    elif kind < 0.45:
        step = _garbled_line(world, steps[place], chance)
    if step is None or not _is_false(world, posed, steps[:place], step):
        return world.spoil(posed, steps, place, chance)
    return step


def _is_false(world: World, posed: PosedProblem, before: list[str], step: str) -> bool:
    return world.rate(posed, [*before, step])[-1] < 0


def _hasty_answer(posed: PosedProblem, before: str) -> str:
    """The last value, given as the answer."""
    return " ".join([ANSWER, *before.split(" ")[-len(posed.answer.split(" ")) :]])


def _garbled_line(world: World, step: str, chance: random.Random) -> str | None:
    """A word is missing, repeated or replaced."""
    tokens = step.split(" ")
    at = chance.randrange(len(tokens))
    instead = chance.choice([[], [tokens[at]] * 2, [chance.choice(world.words)]])
    return " ".join([*tokens[:at], *instead, *tokens[at + 1 :]]) or None
