"""PURE: what of a comparison needs a computer algebra system. Runs in a process that can be killed
(prover_worker.py) and nowhere else: sympy can take any time and memory."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]

from app.answers.evaluate import evaluate
from app.answers.formulas import DIGITS, common_factor, parse_formula, same_function
from app.answers.numbers import (
    ENOUGH_DIGITS,
    REFERENCE_DIGITS,
    Number,
    equal_numbers,
    is_decimal_of,
    read_number,
)
from app.answers.ranges import range_of
from app.answers.structure import Node, Relation

UNREADABLE = (Exception, RecursionError, MemoryError)
STRICT = ("<", ">")
Difference = tuple[Any, str]


class SympyAlgebra:
    """An `Algebra` (compare.py). Whoever runs it bounds its time."""

    def spend(self) -> None:
        pass

    def equal(self, reference: str, answer: str) -> bool | None:
        try:
            left, right = parse_formula(reference), parse_formula(answer)
            if left is None or right is None:
                return None
            if _decimal_matches(read_number(reference), right, REFERENCE_DIGITS):
                return True
            if _decimal_matches(read_number(answer), left, ENOUGH_DIGITS):
                return True
            return same_function(left, right)
        except UNREADABLE:
            return None

    def same_curve(self, reference: Relation, answer: Relation) -> bool | None:
        try:
            left, right = _difference(reference), _difference(answer)
            return None if left is None or right is None else _same_relation(left, right)
        except UNREADABLE:
            return None

    def same_range(self, reference: Node, answer: Node) -> bool | None:
        try:
            left, right = (range_of(node, _constant) for node in (reference, answer))
        except UNREADABLE:
            left = right = None
        if left is None or right is None:
            if isinstance(reference, Relation) and isinstance(answer, Relation):
                return self.same_curve(reference, answer)
            return None
        return bool(left == right or sympy.SymmetricDifference(left, right).is_empty is True)


def _constant(text: str) -> Any:
    """A real number as sympy compares it."""
    number = read_number(text)
    return (
        sympy.Rational(number.value.numerator, number.value.denominator)
        if number
        else parse_formula(text).doit()
    )


def _same_relation(left: Difference, right: Difference) -> bool:
    """Equations by a factor between them; inequalities by a positive one, or a negative one that turns the
    sign round."""
    (first, sign), (second, other) = left, right
    if (sign in ("=", "\\neq") or other in ("=", "\\neq")) and sign != other:
        return False
    if sign in ("=", "\\neq"):
        return common_factor(first, second) is not None
    factor = common_factor(first, second, polynomial=False)
    return factor is not None and (factor > 0) == (sign == other) and (sign in STRICT) == (other in STRICT)


def _difference(relation: Relation) -> tuple[Any, str] | None:
    """Left side minus right side, and the operator."""
    if len(relation.sides) != 2:
        return None
    left, right = (parse_formula(side) for side in relation.sides)
    if left is None or right is None:
        return None
    operator = "=" if relation.operators[0] == "\\approx" else relation.operators[0]
    return left - right, operator


def _decimal_matches(number: Number | None, exact: Any, least: int) -> bool:
    """Whether a decimal of at least so many digits is the rounded value of an exact number."""
    if number is None or number.digits is None or number.digits < least:
        return False
    if not isinstance(exact, sympy.Expr) or exact.free_symbols or exact.has(sympy.I):
        return False
    plain = exact.doit()
    if plain.is_Rational:
        return equal_numbers(number, Number(Fraction(int(plain.p), int(plain.q))))
    with mpmath.workdps(DIGITS):
        value = evaluate(exact, {}, real=True)
        numerator = (
            int(mpmath.nint(value * mpmath.mpf(10) ** 40)) if abs(value) < 10**15 else int(value) * 10**40
        )
    return is_decimal_of(number, Fraction(numerator, 10**40))
