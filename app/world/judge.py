"""Rates every step of a solution exactly, from its text and the problem's truth.

A step that tells a quantity is positive where its operation is the one the problem says, its
operands and its arithmetic are true, and it is new; neutral where it is true and says again
what is known; negative where anything in it is false, also where it builds on an earlier
mistake. A line of an equation is true where it has the same solution as the first line."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

from app.world.problem import Problem, Quantity, apply

FORMULA = re.compile(r"\$([^$]+)\$")
NUMBER = r"-?\d+"
OPERATION = re.compile(rf"({NUMBER}) (\+|-|\\times|\\div) ({NUMBER})")
NAMED = {"+": "+", "-": "-", r"\times": "*", r"\div": "/"}
TERM = re.compile(r"([+-]?)(\d*)(?:\((x)([+-]\d+)\)|(x))?")


def judge(problem: Problem, steps: list[str]) -> list[int]:
    """1, 0 or -1 for every step, in order."""
    known: set[str] = {each.label for each in problem.quantities if each.operation == "given"}
    seen = {problem.equation}
    return [
        _answer(problem, step)
        if step.startswith("# Answer")
        else _line(problem, step, seen)
        if problem.equation
        else _told(problem, step, known)
        for step in steps
    ]


def first_error(ratings: list[int]) -> int:
    """0-based position of the first negative, -1 for none."""
    return ratings.index(-1) if -1 in ratings else -1


def _answer(problem: Problem, step: str) -> int:
    return 1 if step.removeprefix("# Answer").strip() == str(problem.answer) else -1


def _told(problem: Problem, step: str, known: set[str]) -> int:
    about = subject(problem, step)
    if about is None:
        return -1
    formula = FORMULA.search(step)
    if formula is None:
        numbers = re.findall(NUMBER, step)
        return 0 if numbers and int(numbers[-1]) == about.value and about.label in known else -1
    left, _, right = formula.group(1).partition(" = ")
    if not _true(problem, about, left, right):
        return -1
    new = about.label not in known
    known.add(about.label)
    return 1 if new else 0


def subject(problem: Problem, step: str) -> Quantity | None:
    """The quantity a step is about: the one named first in it."""
    lowered = step.lower()
    named = [
        (lowered.find(each.label.lower()), -len(each.label), place)
        for place, each in enumerate(problem.quantities)
        if each.label.lower() in lowered
    ]
    return problem.quantities[min(named)[2]] if named else None


def _true(problem: Problem, about: Quantity, left: str, right: str) -> bool:
    found = OPERATION.fullmatch(left)
    if found is None or not re.fullmatch(NUMBER, right) or int(right) != about.value:
        return False
    operation, said = NAMED[found.group(2)], [int(found.group(1)), int(found.group(3))]
    meant = [problem.quantity(each).value if isinstance(each, str) else each for each in about.operands]
    if operation != about.operation or apply(operation, [Fraction(each) for each in said]) != int(right):
        return False
    return Counter(said) == Counter(meant) if operation in "+*" else said == meant


def _line(problem: Problem, step: str, seen: set[str]) -> int:
    formulas = FORMULA.findall(step)
    if not formulas or solve(formulas[-1]) != problem.answer:
        return -1
    new = formulas[-1] not in seen
    seen.add(formulas[-1])
    return 1 if new else 0


def solve(equation: str) -> Fraction | None:
    """The x of a linear equation; None where it has none, or every one."""
    sides = [_linear(side) for side in equation.split(" = ")]
    if len(sides) != 2 or None in sides:
        return None
    (a, b), (c, d) = sides  # type: ignore[misc]
    return (d - b) / (a - c) if a != c else None


def _linear(side: str) -> tuple[Fraction, Fraction] | None:
    """(slope, constant) of "3(x + 4) - 5", "2x - 7", "\\frac{7}{2}"."""
    tight = re.sub(r"\\frac\{(-?\d+)\}\{(\d+)\}", r"\1/\2", side.replace(" ", ""))
    if re.fullmatch(r"-?\d+/\d+", tight):
        return Fraction(0), Fraction(tight)
    slope = constant = Fraction(0)
    place = 0
    while place < len(tight):
        found = TERM.match(tight, place)
        if found is None or found.end() == place:
            return None
        sign, digits, bracket, added, bare = found.groups()
        if not digits and not bracket and not bare:
            return None
        factor = Fraction(int(digits or 1)) * (-1 if sign == "-" else 1)
        slope += factor if bracket or bare else 0
        constant += factor * int(added) if bracket else 0 if bare else factor
        place = found.end()
    return slope, constant
