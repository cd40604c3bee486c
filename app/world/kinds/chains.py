"""Chains of operations modulo a number, from left to right: "7 *3 +8 -2". The result of an operation on a
value is a fact, and some facts are rare. No operation occurs twice in a problem, so errors come from missing
facts and not from a wrong place."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.world.kinds.base import ANSWER, ASKED, SO, PosedProblem, World, rarity_weights, rate_in_order

SIGNS = "+-*"


class Chains:
    name = "chains"

    def __init__(self, modulus: int = 13, seed: int = 1, times: float = 100.0) -> None:
        self.modulus = modulus
        self.numbers = [str(value) for value in range(modulus)]
        idle = ("+0", "-0", "*0", "*1")
        self.operations = [
            sign + number for sign in SIGNS for number in self.numbers if sign + number not in idle
        ]
        self.words = (*self.numbers, *self.operations, "=", SO, ANSWER)
        chance = random.Random(f"chains {seed}")  # noqa: S311 - a repeatable world
        width = len(self.operations)
        weights = rarity_weights(modulus * width, chance, times)
        self.weights = [weights[value * width : (value + 1) * width] for value in range(modulus)]
        """By operation, the weights of values in the corpus."""
        self.asked = [[weight**ASKED for weight in row] for row in self.weights]

    def book(self, chance: random.Random) -> World:
        return self

    def draw(self, chance: random.Random, *, common: bool = False, shifted: bool = False) -> PosedProblem:
        length = chance.randint(7, 9) if shifted else chance.randint(2 if common else 4, 6)
        value = chance.randrange(self.modulus)
        tokens = [str(value)]
        while len(tokens) <= length:
            weights = (self.weights if common else self.asked)[value]
            operation = chance.choices(self.operations, weights)[0]
            if operation not in tokens:
                tokens.append(operation)
                value = self._done(value, operation)
        return PosedProblem(" ".join(tokens), str(value))

    def solve(self, posed: PosedProblem, chance: random.Random) -> list[str]:
        steps = []
        for step, value in zip(self._worked(posed), self._values(posed.statement)[1:], strict=True):
            steps.append(step)
            if chance.random() < 0.05:
                steps.append(f"{SO} {value}")
        return [*steps, f"{ANSWER} {posed.answer}"]

    def rate(self, posed: PosedProblem, steps: Sequence[str]) -> list[int]:
        values = [str(value) for value in self._values(posed.statement)]
        return rate_in_order(self._worked(posed), values, posed.answer, steps)

    def spoil(self, posed: PosedProblem, steps: Sequence[str], place: int, chance: random.Random) -> str:
        """A wrong result, another value, or another operation."""
        tokens = steps[place].split(" ")
        if len(tokens) == 2 or chance.random() < 0.4:
            return " ".join([*tokens[:-1], chance.choice([n for n in self.numbers if n != tokens[-1]])])
        value, operation = int(tokens[0]), tokens[1]
        if chance.random() < 0.5:
            value = chance.choice([other for other in range(self.modulus) if other != value])
        else:
            operations = posed.statement.split(" ")[1:] if chance.random() < 0.5 else self.operations
            operation = chance.choice([other for other in operations if other != operation])
        return f"{value} {operation} = {self._done(value, operation)}"

    def _worked(self, posed: PosedProblem) -> list[str]:
        values = self._values(posed.statement)
        return [
            f"{values[place]} {operation} = {values[place + 1]}"
            for place, operation in enumerate(posed.statement.split(" ")[1:])
        ]

    def _values(self, statement: str) -> list[int]:
        first, *operations = statement.split(" ")
        values = [int(first)]
        for operation in operations:
            values.append(self._done(values[-1], operation))
        return values

    def _done(self, value: int, operation: str) -> int:
        sign, number = operation[0], int(operation[1:])
        result = value + number if sign == "+" else value - number if sign == "-" else value * number
        return result % self.modulus
