"""PURE: the value of a sympy expression at a point, by mpmath. A real expression is undefined where a root
or a logarithm leaves the real numbers, so that sqrt(x) sqrt(y) and sqrt(xy) are compared where both make
sense. Nothing is ever evaluated as Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]

Point = Mapping[Any, Any]


class Undefined(ArithmeticError):
    """The expression has no value at this point."""


class Unsupported(TypeError):
    """A kind of expression that this evaluator does not know."""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(mpmath, name)
    for name in (
        "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "acot", "asec", "acsc",
        "sinh", "cosh", "tanh", "coth", "asinh", "acosh", "atanh", "exp", "floor", "gamma", "zeta",
        "erf", "re", "im", "conj", "arg", "sign",
    )
}  # fmt: skip
FUNCTIONS |= {
    "Abs": abs, "conjugate": mpmath.conj, "ceiling": mpmath.ceil,
    "factorial": mpmath.factorial, "binomial": mpmath.binomial,
    "Min": min, "Max": max, "atan2": mpmath.atan2, "LambertW": mpmath.lambertw, "factorial2": mpmath.fac2,
}  # fmt: skip
CONSTANTS = {
    sympy.pi: lambda: +mpmath.pi, sympy.E: lambda: +mpmath.e, sympy.I: lambda: mpmath.mpc(0, 1),
    sympy.GoldenRatio: lambda: +mpmath.phi, sympy.EulerGamma: lambda: +mpmath.euler,
}  # fmt: skip


def evaluate(expression: Any, point: Point, *, real: bool) -> Any:
    """An mpmath number. Raises Undefined, Unsupported, or what mpmath raises for too large numbers."""
    if expression in CONSTANTS:
        return CONSTANTS[expression]()
    if expression.is_Symbol:
        return point[expression]
    if expression.is_Rational:
        return mpmath.mpf(int(expression.p)) / int(expression.q)
    if expression.is_Float:
        raise Unsupported("a float: decimals are read as fractions")
    arguments = [evaluate(argument, point, real=real) for argument in expression.args]
    value = _apply(expression, arguments, real)
    if mpmath.isnan(value) or (mpmath.isinf(value)):
        raise Undefined
    if real and isinstance(value, mpmath.mpc):
        if abs(value.imag) > mpmath.mpf(10) ** (5 - mpmath.mp.dps) * (1 + abs(value)):
            raise Undefined
        value = value.real
    return value


def _apply(expression: Any, arguments: list[Any], real: bool) -> Any:
    if expression.is_Add:
        return mpmath.fsum(arguments)
    if expression.is_Mul:
        return mpmath.fprod(arguments)
    if isinstance(expression, sympy.Pow):
        return _power(expression, arguments[0], arguments[1], real)
    name = type(expression).__name__
    if isinstance(expression, sympy.exp):
        return mpmath.exp(arguments[0])
    if isinstance(expression, sympy.log):
        return _logarithm(arguments, real)
    if isinstance(expression, sympy.UnevaluatedExpr):
        return arguments[0]
    if isinstance(expression, sympy.core.function.AppliedUndef):
        return _unknown(name, arguments)
    if name not in FUNCTIONS:
        raise Unsupported(name)
    try:
        return FUNCTIONS[name](*arguments)
    except (ZeroDivisionError, ValueError) as error:
        raise Undefined from error


def _power(expression: Any, base: Any, exponent: Any, real: bool) -> Any:
    if base == 0 and mpmath.re(exponent) <= 0:
        raise Undefined
    if real and base < 0 and not mpmath.isint(exponent):
        root = expression.exp
        if root.is_Rational and root.q % 2:
            return (-1) ** (int(root.p) % 2) * mpmath.power(-base, exponent)
        raise Undefined
    return mpmath.power(base, exponent)


def _logarithm(arguments: list[Any], real: bool) -> Any:
    if any(argument == 0 or (real and argument < 0) for argument in arguments):
        raise Undefined
    if len(arguments) == 2 and arguments[1] == 1:
        raise Undefined
    return mpmath.log(arguments[0]) / (mpmath.log(arguments[1]) if len(arguments) == 2 else 1)


def _unknown(name: str, arguments: list[Any]) -> Any:
    """An unknown function f: any fixed function tells f(x) from f(y) and from f x."""
    seed = sum(place * ord(letter) for place, letter in enumerate(name, 3))
    total = mpmath.fsum(argument * (place + math.e) for place, argument in enumerate(arguments))
    return 2 + mpmath.sin(seed + total) + seed * mpmath.cos(total / 3)
