"""Arithmetic by hand, as people do it, with the slips people make: a carry forgotten, the
smaller digit taken from the larger (Brown and Burton 1978, "Diagnostic models for procedural
bugs in basic mathematical skills"), a neighbour in the times table. Nothing is planted: each
slip happens where the procedure meets the situation for it, so long sums go wrong more often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Skill:
    """How likely each slip is where it can happen, and how a text is misread."""

    name: str
    carry: float
    borrow: float
    table: float
    relation: float
    """"8 fewer" taken for "8 more", or "3 times" for "3 more"."""
    person: float
    """The number of someone else than the one named."""
    leaves_out: float
    """A part of a sum forgotten."""
    repeats: float
    """Says again what is known: true, and no use."""


SKILLS = (
    Skill("steady", 0.02, 0.03, 0.02, 0.02, 0.02, 0.02, 0.15),
    Skill("quick", 0.10, 0.12, 0.06, 0.04, 0.03, 0.05, 0.05),
    Skill("hazy", 0.05, 0.06, 0.10, 0.12, 0.08, 0.04, 0.20),
    Skill("beginner", 0.14, 0.16, 0.12, 0.08, 0.06, 0.08, 0.30),
)


def compute(skill: Skill, chance: random.Random, operation: str, left: int, right: int) -> int:
    """What this reasoner gets for it."""
    if left < 0 or right < 0:
        return {"+": left + right, "-": left - right, "*": left * right}.get(
            operation, left // right if right else 0
        )
    if operation == "+":
        return add(skill, chance, left, right)
    if operation == "-":
        return (
            subtract(skill, chance, left, right) if left >= right else -subtract(skill, chance, right, left)
        )
    if operation == "*":
        return multiply(skill, chance, left, right)
    return divide(skill, chance, left, right)


def add(skill: Skill, chance: random.Random, left: int, right: int) -> int:
    result, carry, unit = 0, 0, 1
    while left or right or carry:
        column = left % 10 + right % 10 + carry
        carry = column // 10
        if carry and chance.random() < skill.carry:
            carry = 0
        result += column % 10 * unit
        left, right, unit = left // 10, right // 10, unit * 10
    return result


def subtract(skill: Skill, chance: random.Random, left: int, right: int) -> int:
    result, unit = 0, 1
    while left or right:
        top, bottom = left % 10, right % 10
        left, right = left // 10, right // 10
        if top < bottom:
            if chance.random() < skill.borrow:
                top, bottom = bottom, top  # the smaller from the larger
            else:
                top += 10
                left -= 1
                if left < 0:
                    return result + (top - bottom - 10) * unit
        result += (top - bottom) * unit
        unit *= 10
    return result


def multiply(skill: Skill, chance: random.Random, left: int, right: int) -> int:
    """Digit by digit from the times table, the partial products added by hand."""
    result, unit = 0, 1
    small, large = sorted((left, right))
    if small > 9:
        tens = multiply(skill, chance, large, small // 10) * 10
        return add(skill, chance, tens, multiply(skill, chance, large, small % 10))
    while large:
        result = add(skill, chance, result, fact(skill, chance, small, large % 10) * unit)
        large, unit = large // 10, unit * 10
    return result


def fact(skill: Skill, chance: random.Random, left: int, right: int) -> int:
    """The times table; the large facts are the ones that slip."""
    if min(left, right) >= 3 and max(left, right) >= 6 and chance.random() < skill.table:
        return left * right + chance.choice([-1, 1]) * chance.choice([left, right, 2])
    return left * right


def divide(skill: Skill, chance: random.Random, left: int, right: int) -> int:
    """By trying multiples; a slip in the table ends one off."""
    if not right:
        return 0
    exact = Fraction(left, right)
    return max(0, int(exact) + (chance.choice([-1, 1, 10]) if chance.random() < skill.table else 0))
