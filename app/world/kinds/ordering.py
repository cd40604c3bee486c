"""Letters in an order that no text states. A problem asks for the letter at a place among a few letters; a
solution inserts one letter after the other. Some pairs of letters are rare. A false order can still have the
correct letter at the place."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import combinations

from app.world.kinds.base import ANSWER, ASKED, SO, PosedProblem, World, rarity_weights

PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


class Ordering:
    name = "ordering"

    def __init__(self, letters: int = 24, seed: int = 1, times: float = 400.0) -> None:
        chance = random.Random(f"ordering {seed}")  # noqa: S311 - a repeatable world
        self.letters = list("abcdefghijklmnopqrstuvwxyz"[:letters])
        self.words = (*self.letters, *PLACES, "of", SO, ANSWER)
        self.rank = dict(zip(self.letters, chance.sample(range(letters), letters), strict=True))
        pairs = list(combinations(self.letters, 2))
        self.weights = dict(zip(pairs, rarity_weights(len(pairs), chance, times), strict=True))

    def book(self, chance: random.Random) -> World:
        return self

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> PosedProblem:
        low, high = (7, 8) if shifted else (3 if common else 4, 6)
        length = chance.randint(low, high)
        letters = [chance.choice(self.letters)]
        while len(letters) < length:
            left = [letter for letter in self.letters if letter not in letters]
            power = 1 if common else ASKED
            letters += chance.choices(left, [self._weight(letter, letters) ** power for letter in left])
        place = chance.randrange(len(letters))
        return PosedProblem(f"{PLACES[place]} of {' '.join(letters)}", self._sorted(letters)[place])

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        letters, steps = posed.statement.split(" ")[2:], []
        for count in range(2, len(letters) + 1):
            steps.append(" ".join(self._sorted(letters[:count])))
            if chance.random() < 0.08:
                steps.append(f"{SO} {steps[-1]}")
        return [*steps, f"{ANSWER} {posed.answer}"]

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        letters = posed.statement.split(" ")[2:]
        sorted_count, ratings = 1, []
        for step in steps:
            now = " ".join(self._sorted(letters[:sorted_count]))
            if sorted_count < len(letters) and step == " ".join(self._sorted(letters[: sorted_count + 1])):
                sorted_count += 1
                ratings.append(1)
            elif step in (now, f"{SO} {now}"):
                ratings.append(0)
            else:
                done = sorted_count == len(letters)
                ratings.append(1 if done and step == f"{ANSWER} {posed.answer}" else -1)
        return ratings

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """Two neighbors in the wrong order, sometimes a letter that was not given."""
        tokens = steps[place].split(" ")
        first = 1 if tokens[0] in (SO, ANSWER) else 0
        if len(tokens) - first < 2 or chance.random() < 0.15:
            at = chance.randrange(first, len(tokens))
            tokens[at] = chance.choice([letter for letter in self.letters if letter not in tokens])
        else:
            at = chance.randrange(first, len(tokens) - 1)
            tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
        return " ".join(tokens)

    def _weight(self, letter: str, others: Sequence[str]) -> float:
        return math.prod(self.weights[min(letter, other), max(letter, other)] for other in others)

    def _sorted(self, letters: Sequence[str]) -> list[str]:
        return sorted(letters, key=self.rank.__getitem__)
