"""Chains of operations modulo a number, from left to right: "7 first * 3 second + 8 last - 2". Each
operation with its operand is a fact to be known for every value; some of them are seldom met. The
operations are named, so that what goes wrong is what is not known, and not the place."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.world.kinds.kind import ANSWER, SO, Posed, rare

SIGNS = "+-*"
NAMES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
LAST = "last"
Operation = tuple[str, str, str]
"""Its name, its sign, its operand."""


class Chains:
    name = "chains"

    def __init__(self, modulus: int = 10, seed: int = 1, times: float = 20.0) -> None:
        self.modulus = modulus
        self.numbers = [str(value) for value in range(modulus)]
        self.words = (*self.numbers, *SIGNS, *NAMES, LAST, "=", SO, ANSWER)
        self.facts = [(sign, number) for sign in SIGNS for number in self.numbers]
        chance = random.Random(f"chains {seed}")  # noqa: S311 - a repeatable world
        self.weights = rare(len(self.facts), chance, times)

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> Posed:
        length = chance.randint(7, 9) if shifted else chance.randint(4, 6)
        words = [chance.choice(self.numbers)]
        for place, fact in enumerate(chance.choices(self.facts, self.weights if common else None, k=length)):
            words += [LAST if place == length - 1 else NAMES[place], *fact]
        statement = " ".join(words)
        return Posed(statement, str(self._values(statement)[-1]))

    def solve(self, posed: Posed, chance: random.Random) -> list[str]:
        steps = []
        for step, value in zip(self._worked(posed), self._values(posed.statement)[1:], strict=True):
            steps.append(step)
            if chance.random() < 0.1:
                steps.append(f"{SO} {value}")
        return [*steps, f"{ANSWER} {posed.answer}"]

    def judge(self, posed: Posed, steps: Sequence[str]) -> list[int]:
        values, worked, done, ratings = self._values(posed.statement), self._worked(posed), 0, []
        for step in steps:
            if done < len(worked) and step == worked[done]:
                done += 1
                ratings.append(1)
            elif step == f"{SO} {values[done]}":
                ratings.append(0)
            else:
                ratings.append(1 if done == len(worked) and step == f"{ANSWER} {posed.answer}" else -1)
        return ratings

    def spoil(self, posed: Posed, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """Mostly a wrong result; now and then a value or an operand taken from elsewhere."""
        words = steps[place].split(" ")
        numbers = [at for at, word in enumerate(words) if word in self.numbers]
        at = numbers[-1] if chance.random() < 0.7 else chance.choice(numbers)
        words[at] = chance.choice([number for number in self.numbers if number != words[at]])
        return " ".join(words)

    def _worked(self, posed: Posed) -> list[str]:
        values = self._values(posed.statement)
        return [
            f"{name} {values[place]} {sign} {number} = {values[place + 1]}"
            for place, (name, sign, number) in enumerate(operations(posed.statement))
        ]

    def _values(self, statement: str) -> list[int]:
        values = [int(statement.split(" ")[0])]
        for _, sign, number in operations(statement):
            left, right = values[-1], int(number)
            result = left + right if sign == "+" else left - right if sign == "-" else left * right
            values.append(result % self.modulus)
        return values


def operations(statement: str) -> list[Operation]:
    words = statement.split(" ")[1:]
    return list(zip(words[::3], words[1::3], words[2::3], strict=True))
