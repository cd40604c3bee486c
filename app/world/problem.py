"""What a problem of the world is. Its truth is complete: every quantity in it has its value
and the one operation that gives it, so that any step about it can be judged exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

SIGNS = {"+": "+", "-": "-", "*": r"\times", "/": r"\div"}


@dataclass(frozen=True)
class Quantity:
    """One number of a story. `operation` is "given", or how it comes from `operands`, which
    are numbers in the statement (int) or other quantities (their label)."""

    label: str
    """How steps call it, unique in the problem: "Tom's apples"."""
    said: str
    """Its sentence in the statement; empty for what the question asks."""
    operation: str
    operands: tuple[int | str, ...]
    value: int


@dataclass(frozen=True)
class Problem:
    name: str
    family: str
    level: str
    statement: str
    answer: int
    quantities: tuple[Quantity, ...] = ()
    """Of a story: in an order in which each can be computed; the last is the answer."""
    equation: str = ""
    """Of an equation: its text, without the dollar signs."""

    def quantity(self, label: str) -> Quantity:
        return next(found for found in self.quantities if found.label == label)

    def needed(self) -> set[str]:
        """The quantities the answer rests on; the others are there to distract."""
        found: set[str] = set()
        waiting = [self.quantities[-1].label]
        while waiting:
            label = waiting.pop()
            found.add(label)
            waiting += [each for each in self.quantity(label).operands if isinstance(each, str)]
        return found


def apply(operation: str, values: list[Fraction]) -> Fraction:
    """The exact result; ZeroDivisionError where there is none."""
    result = values[0]
    for value in values[1:]:
        if operation == "+":
            result += value
        elif operation == "-":
            result -= value
        elif operation == "*":
            result *= value
        else:
            result /= value
    return result


class Story:
    """Writes a problem quantity by quantity, keeping the values."""

    def __init__(self) -> None:
        self.quantities: list[Quantity] = []
        self.question = ""

    def given(self, label: str, said: str, value: int) -> None:
        self.quantities.append(Quantity(label, said, "given", (value,), value))

    def derived(self, label: str, said: str, operation: str, *operands: int | str) -> int:
        values = [Fraction(self[each] if isinstance(each, str) else each) for each in operands]
        value = apply(operation, values)
        if value.denominator != 1 or value < 1:
            raise ValueError(f"{label} would be {value}")
        self.quantities.append(Quantity(label, said, operation, operands, int(value)))
        return int(value)

    def __getitem__(self, label: str) -> int:
        return next(each.value for each in self.quantities if each.label == label)
