"""Lines of descent: names of two syllables, each below another name. Is one name below another? A solution
climbs from name to name and answers yes or no. Some names are rare. With two answers, false steps often lead
to the correct answer, so verdicts teach little."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.world.kinds.base import ANSWER, ASKED, SO, PosedProblem, World, rarity_weights

CONSONANTS = "bdfgklmnprstvwzj"
UNDER, TOP, YES, NO = "under", "top", "yes", "no"


class Lineage:
    name = "lineage"

    def __init__(self, ranks: int = 9, wide: int = 28, seed: int = 1, times: float = 100.0) -> None:
        chance = random.Random(f"lineage {seed}")  # noqa: S311 - a repeatable world
        self.heads, self.tails = (
            [f"{consonant}a" for consonant in CONSONANTS],
            [f"{consonant}u" for consonant in CONSONANTS],
        )
        names = [f"{head} {tail}" for head in self.heads for tail in self.tails]
        chance.shuffle(names)
        self.ranks = [names[rank * wide : (rank + 1) * wide] for rank in range(ranks)]
        self.rank = {name: rank for rank, row in enumerate(self.ranks) for name in row}
        self.above = {
            name: chance.choice(self.ranks[rank - 1]) if rank else TOP for name, rank in self.rank.items()
        }
        self.weights = dict(zip(self.rank, rarity_weights(len(self.rank), chance, times), strict=True))
        self.words = (*self.heads, *self.tails, ">", UNDER, TOP, YES, NO, SO, ANSWER)

    def book(self, chance: random.Random) -> World:
        return self

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> PosedProblem:
        low, high = (6, 8) if shifted else (2, 5)
        while True:
            climb = chance.randint(low, high)
            if chance.random() < 0.5:
                way = self._way(chance.choice(self.ranks[chance.randint(climb, len(self.ranks) - 1)]))
                way, target = way[:climb], way[climb]
                posed = PosedProblem(f"{way[0]} {UNDER} {target}", YES)
            else:
                way = self._way(chance.choice(self.ranks[climb - 1]))[:-1]
                target = chance.choice([name for rank in self.ranks[:climb] for name in rank])
                posed = PosedProblem(f"{way[0]} {UNDER} {target}", NO)
                if target in way:
                    continue
            power = 1 if common else ASKED
            if all(chance.random() < self.weights[name] ** power for name in way):
                return posed

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        name, target = posed.statement.split(f" {UNDER} ")
        steps: list[str] = []
        while name not in (target, TOP):
            steps.append(f"{name} > {self.above[name]}")
            name = self.above[name]
            if name != TOP and chance.random() < 0.05:
                steps.append(f"{SO} {name}")
        return [*steps, f"{ANSWER} {posed.answer}"]

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        name, target = posed.statement.split(f" {UNDER} ")
        ratings = []
        for step in steps:
            at_end = name in (target, TOP)
            if not at_end and step == f"{name} > {self.above[name]}":
                name = self.above[name]
                ratings.append(1)
            elif step == f"{SO} {name}":
                ratings.append(0)
            else:
                ratings.append(1 if at_end and step == f"{ANSWER} {posed.answer}" else -1)
        return ratings

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """Another name, above or below, or the other answer."""
        tokens = steps[place].split(" ")
        if tokens[0] == ANSWER:
            return f"{ANSWER} {NO if posed.answer == YES else YES}"
        if tokens[0] == SO:
            return f"{SO} {self._other(' '.join(tokens[1:]), chance)}"
        name, above = steps[place].split(" > ")
        if chance.random() < 0.55:
            return f"{name} > {self._other(above, chance)}"
        other = self._other(name, chance)
        return f"{other} > {self.above.get(other, TOP)}"

    def _way(self, name: str) -> list[str]:
        """From a name to the top."""
        way = [name]
        while way[-1] != TOP:
            way.append(self.above[way[-1]])
        return way

    def _other(self, name: str, chance: random.Random) -> str:
        """Mostly a similar name: with an equal syllable, or of the same rank."""
        head, _, tail = name.partition(" ")
        while True:
            kind = chance.random()
            if kind < 0.25:
                other = f"{head} {chance.choice(self.tails)}"
            elif kind < 0.5:
                other = f"{chance.choice(self.heads)} {tail}"
            else:
                other = chance.choice(self.ranks[self.rank.get(name, 0)]) if kind < 0.95 else TOP
            if other != name and (other in self.rank or other == TOP):
                return other
