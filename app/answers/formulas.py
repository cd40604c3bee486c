"""PURE: formulas as a computer algebra system reads and compares them.

They are read by the grammar of latex2sympy2_extended, which math-verify brings, and never by `sympify` or
`parse_expr`, which evaluate text as Python. Two formulas are equal when they agree to DIGITS digits at
points chosen once, positive, negative and whole, wherever both are defined (Schwartz 1980, Zippel 1979).
Rational numbers are compared exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, _Latex2Sympy  # type: ignore[import-untyped]

from app.answers.evaluate import Point, Undefined, Unsupported, evaluate
from app.answers.latex import prepared

DIGITS, DEEP_DIGITS = 60, 1500
ENOUGH_POINTS = 4
MOST_SYMBOLS = 12
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)
SETTINGS = ConversionConfig(lowercase_symbols=False, interpret_as_mixed_fractions=False)
UNEVALUATED = (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative)


def parse_formula(text: str) -> Any:
    """A sympy expression; None for what the grammar does not read as one formula."""
    parsed = _Latex2Sympy(is_real=None, config=SETTINGS).parse(prepared(text))
    if isinstance(parsed, sympy.MatrixBase | sympy.MatrixExpr):
        return parsed.doit()
    if not isinstance(parsed, sympy.Expr):
        return None
    parsed = parsed.xreplace({symbol: sympy.I for symbol in parsed.free_symbols if symbol.name == "i"})
    return parsed.doit() if parsed.has(*UNEVALUATED) else parsed


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
                same = _same_value(left, right, point, real=real, digits=DIGITS)
            except (Undefined, ZeroDivisionError):
                continue
            if not same:
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


def _near(left: Any, right: Any, digits: int) -> bool:
    size = max(abs(left), abs(right))
    return bool(abs(left - right) <= size * mpmath.mpf(10) ** -digits)


def _same_value(left: Any, right: Any, point: Point, *, real: bool, digits: int) -> bool:
    """Whether two expressions have one value at a point. What is nearly zero on both sides is evaluated
    again with more digits: a rounding error shrinks with them, 1/2004! does not."""
    for precision in (digits, digits * 4):
        with mpmath.workdps(precision):
            values = [evaluate(side, point, real=real) for side in (left, right)]
            if _near(values[0], values[1], precision * 2 // 3):
                return True
            if max(map(abs, values)) > mpmath.mpf(10) ** (-precision * 3 // 4):
                return False
    return True


def _exactly(left: Any, right: Any) -> bool | None:
    """Numbers that agree in sixty digits: rational ones must be equal, others agree in 1,500 digits. By
    sixty digits alone 1/2004! and 1/2006! added to 1 are one number."""
    first, other = left.doit(), right.doit()
    if first.is_Rational and other.is_Rational:
        return bool(first == other)
    if left.has(*UNEVALUATED) or right.has(*UNEVALUATED):
        return True
    real = not left.has(sympy.I) and not right.has(sympy.I)
    return _same_value(left, right, {}, real=real, digits=DEEP_DIGITS)


def common_factor(first: Any, other: Any, *, polynomial: bool = True) -> Any:
    """The constant factor between two expressions that vanish together; None where there is none."""
    symbols = sorted(first.free_symbols | other.free_symbols, key=str)
    if first.free_symbols != other.free_symbols or not symbols or len(symbols) > MOST_SYMBOLS:
        return None
    factor = _factor(first, other, symbols)
    if factor is None and polynomial:
        above = [sympy.numer(sympy.together(side)) for side in (first, other)]
        factor = _factor(above[0], above[1], symbols) if above[0].free_symbols == set(symbols) else None
    return factor


def _factor(first: Any, other: Any, symbols: list[Any]) -> Any:
    factors = []
    with mpmath.workdps(DIGITS):
        for point in iter_points(symbols):
            try:
                factors.append(evaluate(first, point, real=True) / evaluate(other, point, real=True))
            except (Undefined, ZeroDivisionError, Unsupported):
                continue
        near = len(factors) >= ENOUGH_POINTS and all(
            _near(item, factors[0], DIGITS * 2 // 3) for item in factors
        )
    return factors[0] if near and factors[0] != 0 else None
