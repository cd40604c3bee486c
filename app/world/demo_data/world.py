"""The demo's world: chains of operations, written with common signs, of which only the last digit counts. The
corpus contradicts itself on some of the products."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from functools import cached_property

from app.world.kinds.base import PosedProblem, World
from app.world.kinds.chains import Chains

DISPUTED = 32
"""Number of wrong products among the sixty-four of 2 to 9."""
MISPRINTED = 0.6
"""Share of the corpus with the wrong products. The writer believes them more often than the truth, and a
majority vote among its solutions does, too."""


class Digits(Chains):
    """`errors`: other results of some (digit, operation) pairs."""

    name = "digits"

    def __init__(self, errors: Mapping[tuple[int, str], int] | None = None) -> None:
        super().__init__(modulus=10)
        symbols = {operation: operation.replace("*", "×") for operation in self.operations}
        self.operations = list(symbols.values())
        self.words = tuple(symbols.get(word, word) for word in self.words)
        self.weights = self.asked = [[1.0] * len(self.operations) for _ in range(self.modulus)]
        self.errors = dict(errors or {})

    def book(self, chance: random.Random) -> World:
        return self.misprinted if chance.random() < MISPRINTED else self

    @cached_property
    def misprinted(self) -> Digits:
        return Digits(misprints(self))

    def _done(self, value: int, operation: str) -> int:
        error = self.errors.get((value, operation))
        return super()._done(value, operation) if error is None else error


def misprints(world: Digits) -> dict[tuple[int, str], int]:
    """Some products with another last digit."""
    chance = random.Random("misprints")  # noqa: S311 - the same book every time
    products = [
        (value, operation) for value in range(2, 10) for operation in world.operations if operation[0] == "×"
    ]
    operations_with_errors = {}
    for value, operation in chance.sample(products, DISPUTED):
        right = value * int(operation[1:]) % 10
        operations_with_errors[value, operation] = chance.choice(
            [digit for digit in range(10) if digit != right]
        )
    return operations_with_errors


def fingerprint(world: World) -> str:
    """Fingerprint of the world: its words, both kinds of problems, worked and spoiled solutions, and ratings.
    It changes with the definition of the world."""
    chance, seen = random.Random("fingerprint"), [list(world.words)]  # noqa: S311
    for common in (True, False) * 100:
        posed: PosedProblem = world.draw(chance, common=common)
        steps = world.solve(posed, chance)
        place = chance.randrange(len(steps))
        spoiled = [*steps[:place], world.spoil(posed, steps, place, chance), *steps[place + 1 :]]
        ratings = [str(world.rate(posed, candidate)) for candidate in (steps, spoiled)]
        seen.append([posed.statement, posed.answer, *spoiled, *ratings])
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()
