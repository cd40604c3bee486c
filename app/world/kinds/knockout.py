"""Teams play one after the other, and the winner stays: who is left? The winner of each pair of teams is a
random fact that does not follow from others, and some pairs are rare. A fact has two sides, so a negative
step also reveals the truth. A false step often leads to the correct answer, when a later team beats both.
With errors in the corpus, the model believes them."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from itertools import combinations

from app.world.kinds.base import ANSWER, ASKED, SO, PosedProblem, World, rarity_weights, rate_in_order

MISPRINTED = 0.6
"""Share of the corpus with errors, in the world with misprints."""


class Knockout:
    def __init__(
        self,
        name: str = "knockout",
        *,
        teams: int = 26,
        seed: int = 1,
        times: float = 100.0,
        errs: bool = False,
    ) -> None:
        """`errs`: most of the corpus has the wrong winner of rare pairs."""
        self.name = name
        chance = random.Random(f"knockout {seed}")  # noqa: S311 - a repeatable world
        self.teams = sorted((string.ascii_lowercase + string.ascii_uppercase)[:teams])
        self.words = (*self.teams, ">", SO, ANSWER)
        pairs = list(combinations(self.teams, 2))
        self.wins = {pair: chance.choice(pair) for pair in pairs}
        self.weights = dict(zip(pairs, rarity_weights(len(pairs), chance, times), strict=True))
        self.errs = errs

    def book(self, chance: random.Random) -> World:
        return self.misprinted if self.errs and chance.random() < MISPRINTED else self

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> PosedProblem:
        length = chance.randint(8, 10) if shifted else chance.randint(3 if common else 5, 7)
        last = chance.choice(self.teams)
        teams = [last]
        while len(teams) < length:
            left = [team for team in self.teams if team not in teams]
            power = 1 if common else ASKED
            teams += chance.choices(left, [self.weights[self._pair(last, team)] ** power for team in left])
            last = self.wins[self._pair(last, teams[-1])]
        return PosedProblem(" ".join(teams), last)

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        steps = []
        for step in self._worked(posed):
            steps.append(step)
            if chance.random() < 0.05:
                steps.append(f"{SO} {step[-1]}")
        return [*steps, f"{ANSWER} {posed.answer}"]

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        worked = self._worked(posed)
        return rate_in_order(
            worked, [posed.statement[0], *(step[-1] for step in worked)], posed.answer, steps
        )

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """The other team wins; or a team plays that is out or not yet due."""
        tokens = steps[place].split(" ")
        if len(tokens) == 2:
            return f"{tokens[0]} {chance.choice([team for team in self.teams if team != tokens[1]])}"
        first, second, _, winner = tokens
        kind = chance.random()
        if kind < 0.5:
            return f"{first} {second} > {second if winner == first else first}"
        candidates = posed.statement.split(" ") if kind < 0.9 else self.teams
        other = chance.choice([team for team in candidates if team not in (first, second)])
        first, second = (other, second) if chance.random() < 0.5 else (first, other)
        return f"{first} {second} > {self.wins[self._pair(first, second)]}"

    @cached_property
    def misprinted(self) -> Knockout:
        book = copy(self)
        often = max(self.weights.values())
        book.wins = {
            (first, second): winner
            if self.weights[first, second] == often
            else second
            if winner == first
            else first
            for (first, second), winner in self.wins.items()
        }
        return book

    def _worked(self, posed: PosedProblem) -> list[str]:
        last, *others = posed.statement.split(" ")
        steps = []
        for team in others:
            winner = self.wins[self._pair(last, team)]
            steps.append(f"{last} {team} > {winner}")
            last = winner
        return steps

    def _pair(self, first: str, second: str) -> tuple[str, str]:
        return (first, second) if first < second else (second, first)
