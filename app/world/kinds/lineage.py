"""Who descends from whom: names of two syllables, each under one other, and a question: is one under
another? A solution climbs from name to name and says yes or no. Some names are seldom met. Of two
answers one is often right by wrong steps: what a verdict on the answer alone cannot tell."""

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
        self.heads, self.tails = [f"{each}a" for each in CONSONANTS], [f"{each}u" for each in CONSONANTS]
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
                way, asked = way[:climb], way[climb]
                posed = PosedProblem(f"{way[0]} {UNDER} {asked}", YES)
            else:
                way = self._way(chance.choice(self.ranks[climb - 1]))[:-1]
                asked = chance.choice([name for rank in self.ranks[:climb] for name in rank])
                posed = PosedProblem(f"{way[0]} {UNDER} {asked}", NO)
                if asked in way:
                    continue
            power = 1 if common else ASKED
            if all(chance.random() < self.weights[name] ** power for name in way):
                return posed

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        here, asked = posed.statement.split(f" {UNDER} ")
        steps: list[str] = []
        while here not in (asked, TOP):
            steps.append(f"{here} > {self.above[here]}")
            here = self.above[here]
            if here != TOP and chance.random() < 0.05:
                steps.append(f"{SO} {here}")
        return [*steps, f"{ANSWER} {posed.answer}"]

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        here, asked = posed.statement.split(f" {UNDER} ")
        ratings = []
        for step in steps:
            there = here in (asked, TOP)
            if not there and step == f"{here} > {self.above[here]}":
                here = self.above[here]
                ratings.append(1)
            elif step == f"{SO} {here}":
                ratings.append(0)
            else:
                ratings.append(1 if there and step == f"{ANSWER} {posed.answer}" else -1)
        return ratings

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """Somebody else's name, above or below, or the other answer."""
        words = steps[place].split(" ")
        if words[0] == ANSWER:
            return f"{ANSWER} {NO if posed.answer == YES else YES}"
        if words[0] == SO:
            return f"{SO} {self._other(' '.join(words[1:]), chance)}"
        name, above = steps[place].split(" > ")
        if chance.random() < 0.55:
            return f"{name} > {self._other(above, chance)}"
        other = self._other(name, chance)
        return f"{other} > {self.above.get(other, TOP)}"

    def _way(self, name: str) -> list[str]:
        """From a name up to the top."""
        way = [name]
        while way[-1] != TOP:
            way.append(self.above[way[-1]])
        return way

    def _other(self, name: str, chance: random.Random) -> str:
        """Mostly one that is easily taken for it: of one syllable with it, or of its rank."""
        head, _, tail = name.partition(" ")
        while True:
            kind = chance.random()
            if kind < 0.25:
                found = f"{head} {chance.choice(self.tails)}"
            elif kind < 0.5:
                found = f"{chance.choice(self.heads)} {tail}"
            else:
                found = chance.choice(self.ranks[self.rank.get(name, 0)]) if kind < 0.95 else TOP
            if found != name and (found in self.rank or found == TOP):
                return found
