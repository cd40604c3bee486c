"""Chains of operations modulo a number, from left to right: "7 * 3 + 8". Each operation with its
operand is a fact to be known for every value; some of them are seldom met."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.world.kinds.kind import ANSWER, SO, Posed, rare

SIGNS = "+-*"


class Chains:
    name = "chains"

    def __init__(self, modulus: int = 10, seed: int = 1, times: float = 20.0) -> None:
        self.modulus = modulus
        self.numbers = [str(value) for value in range(modulus)]
        self.words = (*self.numbers, *SIGNS, "=", SO, ANSWER)
        self.facts = [(sign, number) for sign in SIGNS for number in self.numbers]
        chance = random.Random(f"chains {seed}")  # noqa: S311 - a repeatable world
        self.weights = rare(len(self.facts), chance, times)

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> Posed:
        length = chance.randint(8, 10) if shifted else chance.randint(4, 6)
        drawn = chance.choices(self.facts, self.weights if common else None, k=length)
        words = [chance.choice(self.numbers), *(word for fact in drawn for word in fact)]
        return Posed(" ".join(words), str(self._values(words)[-1]))

    def solve(self, posed: Posed, chance: random.Random) -> list[str]:
        words = posed.statement.split(" ")
        values, steps = self._values(words), []
        for place, value in enumerate(values[1:]):
            sign, number = words[1 + 2 * place : 3 + 2 * place]
            steps.append(f"{values[place]} {sign} {number} = {value}")
            if chance.random() < 0.1:
                steps.append(f"{SO} {value}")
        return [*steps, f"{ANSWER} {values[-1]}"]

    def judge(self, posed: Posed, steps: Sequence[str]) -> list[int]:
        words = posed.statement.split(" ")
        values, done, ratings = self._values(words), 0, []
        for step in steps:
            left = " ".join(words[1 + 2 * done : 3 + 2 * done])
            if done < len(values) - 1 and step == f"{values[done]} {left} = {values[done + 1]}":
                done += 1
                ratings.append(1)
            elif step == f"{SO} {values[done]}":
                ratings.append(0)
            else:
                ratings.append(1 if step == f"{ANSWER} {posed.answer}" else -1)
        return ratings

    def spoil(self, posed: Posed, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """Mostly a wrong result; now and then a value or an operand taken from elsewhere."""
        words = steps[place].split(" ")
        numbers = [at for at, word in enumerate(words) if word in self.numbers]
        at = numbers[-1] if chance.random() < 0.7 else chance.choice(numbers)
        words[at] = chance.choice([number for number in self.numbers if number != words[at]])
        return " ".join(words)

    def _values(self, words: Sequence[str]) -> list[int]:
        values = [int(words[0])]
        for sign, number in zip(words[1::2], words[2::2], strict=True):
            left, right = values[-1], int(number)
            result = left + right if sign == "+" else left - right if sign == "-" else left * right
            values.append(result % self.modulus)
        return values
