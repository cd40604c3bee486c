"""PURE: formulas as a computer algebra system reads them. Runs in a process that can be killed
(prover_worker.py) and nowhere else: sympy can take any time and memory.

Formulas are read by the grammar of latex2sympy2_extended (which math-verify brings) and never by
`sympify` or `parse_expr`, which evaluate text as Python. Two formulas are equal when they agree to DIGITS
digits at points chosen once, positive, negative and whole, wherever both are defined (Schwartz 1980, Zippel
1979); numbers that are rational are compared exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, _Latex2Sympy  # type: ignore[import-untyped]

from app.answers.evaluate import Undefined, Unsupported, evaluate
from app.answers.latex import prepared
from app.answers.numbers import ENOUGH_DIGITS, REFERENCE_DIGITS, Number, is_decimal_of, read_number
from app.answers.ranges import range_of
from app.answers.structure import Node, Relation

DIGITS, DEEP_DIGITS = 60, 1500
ENOUGH_POINTS = 4
SETTINGS = ConversionConfig(lowercase_symbols=False, interpret_as_mixed_fractions=False)
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)
MOST_SYMBOLS = 12
UNEVALUATED = (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative)
FLIPPED = {"<": ">", ">": "<", "\\leq": "\\geq", "\\geq": "\\leq"}


class SympyAlgebra:
    """An `Algebra` (compare.py)."""

    def equal(self, reference: str, answer: str) -> bool | None:
        one, other = read_number(reference), read_number(answer)
        try:
            left, right = parse_formula(reference), parse_formula(answer)
            if left is None or right is None:
                return None
            if one is not None or other is not None:
                decimal = _decimal_matches(one, right, REFERENCE_DIGITS) or _decimal_matches(
                    other, left, ENOUGH_DIGITS
                )
                if decimal:
                    return True
            return same_function(left, right)
        except UNREADABLE:
            return None

    def same_curve(self, reference: Relation, answer: Relation) -> bool | None:
        try:
            one, other = _difference(reference), _difference(answer)
            if one is None or other is None:
                return None
            if (one[1] == "=") != (other[1] == "="):
                return False
            if one[1] == "=":
                return _proportional(one[0], other[0]) is not None
            factor = _proportional(one[0], other[0], polynomial=False)
            if one[1] == "\\neq" or other[1] == "\\neq":
                return one[1] == other[1] and factor is not None
            same_operator = one[1] == other[1]
            return factor is not None and ((factor > 0) == same_operator) and _kind(one[1]) == _kind(other[1])
        except UNREADABLE:
            return None

    def same_range(self, reference: Node, answer: Node) -> bool | None:
        try:
            left, right = (range_of(node, _constant) for node in (reference, answer))
        except UNREADABLE:
            return None
        if left is None or right is None:
            if isinstance(reference, Relation) and isinstance(answer, Relation):
                return self.same_curve(reference, answer)
            return None
        return bool(left == right or sympy.SymmetricDifference(left, right).is_empty is True)


UNREADABLE = (Exception, RecursionError, MemoryError)


def parse_formula(text: str) -> Any:
    """A sympy expression; None for what the grammar does not read as one formula."""
    parsed = _Latex2Sympy(is_real=None, config=SETTINGS).parse(prepared(text))
    if isinstance(parsed, sympy.MatrixBase | sympy.MatrixExpr):
        return parsed.doit()
    if not isinstance(parsed, sympy.Expr):
        return None
    parsed = parsed.xreplace({symbol: sympy.I for symbol in parsed.free_symbols if symbol.name == "i"})
    return parsed.doit() if parsed.has(*UNEVALUATED) else parsed


def _constant(text: str) -> Any:
    """A real number as sympy compares it."""
    number = read_number(text)
    return (
        sympy.Rational(number.value.numerator, number.value.denominator)
        if number
        else parse_formula(text).doit()
    )


def same_function(left: Any, right: Any) -> bool | None:
    if isinstance(left, sympy.MatrixBase) or isinstance(right, sympy.MatrixBase):
        if not isinstance(left, sympy.MatrixBase) or not isinstance(right, sympy.MatrixBase):
            return False
        results = (
            [same_function(a, b) for a, b in zip(left, right, strict=True)]
            if left.shape == right.shape
            else [False]
        )
        return False if False in results else None if None in results else True
    infinite = [side in (sympy.oo, -sympy.oo, sympy.zoo, sympy.nan) for side in (left, right)]
    if any(infinite):
        return bool(left == right)
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if len(symbols) > MOST_SYMBOLS:
        return None
    result = _agree(left, right, symbols)
    return _exactly(left, right) if result and not symbols else result


def _agree(left: Any, right: Any, symbols: list[Any]) -> bool | None:
    """Whether two expressions have the same value at enough points. None: there are not enough."""
    real = not left.has(sympy.I) and not right.has(sympy.I)
    agreed = 0
    with mpmath.workdps(DIGITS):
        for point in iter_points(symbols):
            try:
                one, other = evaluate(left, point, real=real), evaluate(right, point, real=real)
            except (Undefined, ZeroDivisionError):
                continue
            if not _near(one, other, DIGITS * 2 // 3):
                return False
            agreed += 1
    return True if agreed >= (ENOUGH_POINTS if symbols else 1) else None


def iter_points(symbols: list[Any]) -> Iterator[dict[Any, Any]]:
    """Positive, then whole, small, mixed and negative points; one empty point without symbols."""
    if not symbols:
        yield {}
        return
    for turn in range(16):
        values = []
        for place in range(len(symbols)):
            prime = PRIMES[(place + turn) % len(PRIMES)]
            value = mpmath.sqrt(prime) + mpmath.mpf(turn) / 7
            if turn in (4, 5, 6, 7):
                value = mpmath.mpf((place * 5 + turn * 3) % 11 + 1)
            elif turn in (8, 9):
                value = 1 / (value + 1)
            elif turn >= 10:
                value = -value if (turn + place) % 2 or turn > 13 else value
            values.append(value)
        yield dict(zip(symbols, values, strict=True))


def _near(one: Any, other: Any, digits: int) -> bool:
    size = max(abs(one), abs(other))
    return (
        bool(abs(one - other) <= size * mpmath.mpf(10) ** -digits)
        or size < mpmath.mpf(10) ** (5 - DIGITS) > 0
        and bool(one == other == 0 or size < mpmath.mpf(10) ** -(DIGITS - 8))
    )


def _exactly(left: Any, right: Any) -> bool | None:
    """Numbers that agree in sixty digits: rational ones must be equal, others agree in 1,500 digits. By
    sixty digits alone 1/2004! and 1/2006! added to 1 are one number."""
    one, other = left.doit(), right.doit()
    if one.is_Rational and other.is_Rational:
        return bool(one == other)
    if left.has(*UNEVALUATED) or right.has(*UNEVALUATED):
        return True
    real = not left.has(sympy.I) and not right.has(sympy.I)
    with mpmath.workdps(DEEP_DIGITS):
        return _near(evaluate(left, {}, real=real), evaluate(right, {}, real=real), DEEP_DIGITS - 50)


def _decimal_matches(number: Number | None, exact: Any, least: int) -> bool:
    """Whether a decimal of at least so many digits is the rounded value of an exact number."""
    if number is None or number.digits is None or number.digits < least:
        return False
    if not isinstance(exact, sympy.Expr) or exact.free_symbols or exact.has(sympy.I):
        return False
    with mpmath.workdps(DIGITS):
        value = evaluate(exact, {}, real=True)
        numerator = (
            int(mpmath.nint(value * mpmath.mpf(10) ** 40)) if abs(value) < 10**15 else int(value) * 10**40
        )
    return is_decimal_of(number, Fraction(numerator, 10**40))


def _difference(relation: Relation) -> tuple[Any, str] | None:
    """Left side minus right side, and the operator."""
    if len(relation.sides) != 2:
        return None
    left, right = (parse_formula(side) for side in relation.sides)
    if left is None or right is None:
        return None
    operator = "=" if relation.operators[0] == "\\approx" else relation.operators[0]
    return left - right, operator


def _kind(operator: str) -> bool:
    return operator in ("<", ">")


def _proportional(one: Any, other: Any, *, polynomial: bool = True) -> Any:
    """The constant factor between two expressions that vanish together; None where there is none."""
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if one.free_symbols != other.free_symbols or not symbols or len(symbols) > MOST_SYMBOLS:
        return None
    factor = _factor(one, other, symbols)
    if factor is None and polynomial:
        above = [sympy.numer(sympy.together(side)) for side in (one, other)]
        factor = _factor(above[0], above[1], symbols) if above[0].free_symbols == set(symbols) else None
    return factor


def _factor(one: Any, other: Any, symbols: list[Any]) -> Any:
    factors = []
    with mpmath.workdps(DIGITS):
        for point in iter_points(symbols):
            try:
                factors.append(evaluate(one, point, real=True) / evaluate(other, point, real=True))
            except (Undefined, ZeroDivisionError, Unsupported):
                continue
        near = len(factors) >= ENOUGH_POINTS and all(
            _near(each, factors[0], DIGITS * 2 // 3) for each in factors
        )
    return factors[0] if near and factors[0] != 0 else None


__all__ = ["FLIPPED", "SympyAlgebra", "parse_formula", "same_function", "re"]
