"""Writes a solution step by step: reads the problem, decides what to compute, computes it by
hand, and believes what it got. Its mistakes are its own: it misreads, mixes people up, leaves
a part out, slips in a column; no step is made wrong on purpose, and it does not know which are.
(A language model trained on worked solutions can take its place: same steps in, same judge.)"""

from __future__ import annotations

import random
from fractions import Fraction

from app.world.arithmetic import Skill, compute
from app.world.problem import SIGNS, Problem, Quantity

HOW = {
    "+": ("{a} and {b} added up", "{a} plus {b}"),
    "-": ("{b} taken from {a}", "{a} less {b}"),
    "*": ("{a} times {b}", "{a} multiplied by {b}"),
    "/": ("{a} divided by {b}", "{a} split by {b}"),
}
TOLD = (
    "For {label} we need {how}: ${left} = {right}$.",
    "{label}: {how}, so ${left} = {right}$.",
    "Next, {label}. That is {how}, ${left} = {right}$.",
    "To get {label}, take {how}. This gives ${left} = {right}$.",
)


def solve(problem: Problem, skill: Skill, chance: random.Random) -> list[str]:
    """The steps, the last of them "# Answer"."""
    if problem.equation:
        return _solve_equation(problem, skill, chance)
    return _solve_story(problem, skill, chance)


def _solve_story(problem: Problem, skill: Skill, chance: random.Random) -> list[str]:
    believed = {each.label: each.value for each in problem.quantities if each.operation == "given"}
    needed = problem.needed()
    steps: list[str] = []
    if chance.random() < skill.repeats:
        first = problem.quantities[0]
        steps.append(f"The problem says that {_is(first.label)} {first.value}.")
    last = problem.quantities[-1]
    for each in problem.quantities:
        if each.operation == "given" or (each.label not in needed and chance.random() < 0.5):
            continue
        if any(isinstance(name, str) and name not in believed for name in each.operands):
            continue
        operation, operands = _read(each, believed, skill, chance)
        values = [believed[name] if isinstance(name, str) else name for name in operands]
        if each is not last and not each.said and operation == "+" and chance.random() < skill.leaves_out / 2:
            believed[each.label] = values[0]  # goes on as if this part were in already
            continue
        believed[each.label] = compute(skill, chance, operation, values[0], values[1])
        steps.append(_tell(each.label, operation, operands, values, believed[each.label], chance))
        if chance.random() < skill.repeats / 3:
            steps.append(f"So {_is(each.label)} {believed[each.label]}.")
    return [*steps, f"# Answer\n\n{believed[last.label]}"]


def _read(
    each: Quantity, believed: dict[str, int], skill: Skill, chance: random.Random
) -> tuple[str, list[int | str]]:
    """The operation and its operands as this reasoner understands the sentence."""
    operation, operands = each.operation, list(each.operands)
    if each.said and chance.random() < skill.relation:
        operation = {"-": "+", "*": "+", "/": "-", "+": "-"}[operation]
    if chance.random() < skill.person:
        places = [place for place, name in enumerate(operands) if isinstance(name, str)]
        others = [name for name in believed if name not in operands]
        if places and others:
            operands[chance.choice(places)] = chance.choice(others)
    return operation, operands


def _tell(
    label: str,
    operation: str,
    operands: list[int | str],
    values: list[int],
    result: int,
    chance: random.Random,
) -> str:
    how = chance.choice(HOW[operation]).format(a=operands[0], b=operands[1])
    left = f"{values[0]} {SIGNS[operation]} {values[1]}"
    said = chance.choice(TOLD).format(label=label, how=how, left=left, right=result)
    return said[0].upper() + said[1:]


def _is(label: str) -> str:
    plural = (label.endswith("s") and not label.startswith("the ")) or label.endswith("together")
    return f"{label} {'are' if plural else 'is'}"


def _solve_equation(problem: Problem, skill: Skill, chance: random.Random) -> list[str]:
    """a(x + b) + c = ex + d: expand, collect, bring x to one side, divide."""
    a, b, c, e, d = parts(problem.equation)
    steps: list[str] = []
    if chance.random() < skill.repeats:
        steps.append(f"We start from ${problem.equation}$.")
    product = compute(skill, chance, "*", a, abs(b)) * (1 if b > 0 else -1)
    if chance.random() < skill.leaves_out:
        product = b  # only the x is multiplied
    steps.append(f"Expand the bracket: ${_x(a)}{_n(product)}{_n(c)} = {_right(e, d)}$.")
    whole = product + c if product < 0 else compute(skill, chance, "+", product, c)
    steps.append(f"Collect the numbers on the left: ${_x(a)}{_n(whole)} = {_right(e, d)}$.")
    turned = chance.random() < skill.relation
    rest = d + whole if turned else compute(skill, chance, "-", d, whole)
    verb = "Subtract" if whole > 0 else "Add"
    steps.append(f"{verb} {abs(whole)} on both sides: ${_x(a)} = {_right(e, rest)}$.")
    if e:
        a = a + e if chance.random() < skill.relation else a - e
        steps.append(f"Subtract ${_x(e)}$ on both sides: ${_x(a)} = {rest}$.")
    exact = Fraction(rest, a)
    if exact.denominator == 1 and rest > 0:
        exact = Fraction(compute(skill, chance, "/", rest, a))
    if a != 1:
        steps.append(f"Divide both sides by {a}: $x = {_fraction(exact)}$.")
    return [*steps, f"# Answer\n\n{exact}"]


def parts(equation: str) -> tuple[int, int, int, int, int]:
    """a, b, c, e, d of a(x + b) + c = ex + d."""
    left, _, right = equation.replace(" ", "").partition("=")
    a, _, tail = left.partition("(x")
    b, _, c = tail.partition(")")
    e, has_x, d = right.rpartition("x")
    return int(a), int(b), int(c), int(e or 1) if has_x else 0, int(d)


def _x(factor: int) -> str:
    return "x" if factor == 1 else f"{factor}x"


def _n(value: int) -> str:
    return f" {'+' if value >= 0 else '-'} {abs(value)}"


def _right(e: int, d: int) -> str:
    return f"{_x(e)}{_n(d)}" if e else str(d)


def _fraction(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
