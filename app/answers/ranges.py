"""PURE: intervals, unions and inequalities in one variable as sets of real numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sympy  # type: ignore[import-untyped]

from app.answers.commas import split_top_level
from app.answers.structure import Group, Node, Relation, Scalar, Words, read_structure

Constant = Callable[[str], Any]
VARIABLE = re.compile(r"(?:[A-Za-z]|\\(?:theta|alpha|lambda|mu))(?:_\{?\w+\}?|\([a-z]\))?$")
MINUS = re.compile(r"\\(?:setminus|backslash)(?![a-zA-Z])|\\\\")
RELATIONS = {"<": sympy.Lt, ">": sympy.Gt, "\\leq": sympy.Le, "\\geq": sympy.Ge, "\\neq": sympy.Ne}
SETS = {"\\mathbb{R}": sympy.S.Reals, "\\mathbb{Z}": sympy.S.Integers, "\\emptyset": sympy.S.EmptySet}
SETS |= {"\\mathbb{N}": sympy.S.Naturals, "\\mathbb{Q}": sympy.S.Rationals}


def range_of(node: Node, constant: Constant) -> Any:
    """A sympy set of real numbers; None for what is none. Raises what `constant` raises."""
    if isinstance(node, Words):
        return sympy.S.Reals
    if isinstance(node, Scalar):
        return _named_set(node.text, constant)
    if isinstance(node, Relation):
        return _inequality(node, constant)
    if not isinstance(node, Group):
        return None
    if node.kind == "tuple" and len(node.items) == 2:
        return _interval(node, constant)
    if node.kind == "set":
        return sympy.FiniteSet(*(constant(item.text) for item in node.items if isinstance(item, Scalar)))
    if node.kind not in ("union", "list"):
        return None
    parts = [range_of(item, constant) for item in node.items]
    return None if None in parts else _joined(node, parts)


def _joined(node: Group, parts: list[Any]) -> Any:
    """Ranges in a row are a union, but for conditions that hold together: x > 1 and x < 3."""
    if node.kind == "list" and all(isinstance(item, Relation) for item in node.items):
        together = sympy.Intersection(*parts)
        excluded = any("\\neq" in item.operators for item in node.items if isinstance(item, Relation))
        if excluded or not together.is_empty:
            return together
    return sympy.Union(*parts)


def _named_set(text: str, constant: Constant) -> Any:
    text = text.strip()
    if text in SETS:
        return SETS[text]
    parts, _ = split_top_level(text, MINUS)
    if len(parts) == 2:
        left, right = (range_of(read_structure(part), constant) for part in parts)
        return None if left is None or right is None else sympy.Complement(left, right)
    return None


def _interval(node: Group, constant: Constant) -> Any:
    low, high = (constant(item.text) if isinstance(item, Scalar) else None for item in node.items)
    if low is None or high is None or not (low.is_extended_real and high.is_extended_real):
        return None
    return sympy.Interval(low, high, node.brackets[0] == "(", node.brackets[-1] == ")")


def _inequality(node: Relation, constant: Constant) -> Any:
    """`x < 3`, `3 > x`, `1 < x \\leq 2`, `x \\in S`, `x \\neq 3`, with a bare variable."""
    if len(node.sides) == 2 and not any(VARIABLE.match(side.strip()) for side in node.sides):
        return _solved(node, constant)
    places = [place for place, side in enumerate(node.sides) if VARIABLE.match(side.strip())]
    if len(places) != 1:
        return None
    if node.operators == ("\\in",):
        return range_of(read_structure(node.sides[1]), constant)
    match = sympy.S.Reals
    for place, operator in enumerate(node.operators):
        if places[0] not in (place, place + 1):
            return None
        variable_left = places[0] == place
        bound = constant(node.sides[place + 1 if variable_left else place])
        if not bound.is_extended_real:
            return None
        match = sympy.Intersection(match, _half(operator, bound, variable_left))
    return match


def _solved(node: Relation, constant: Constant) -> Any:
    """An inequality in one variable that is more than a variable: |x| < 3, x^2 > 4."""
    left, right = (constant(side) for side in node.sides)
    symbols = left.free_symbols | right.free_symbols
    if len(symbols) != 1 or node.operators[0] not in RELATIONS:
        return None
    variable = sympy.Symbol("x", real=True)
    sides = [side.xreplace({symbols.copy().pop(): variable}) for side in (left, right)]
    return RELATIONS[node.operators[0]](*sides).as_set()


def _half(operator: str, bound: Any, variable_left: bool) -> Any:
    if operator in ("=", "\\approx"):
        return sympy.FiniteSet(bound)
    if operator == "\\neq":
        return sympy.Complement(sympy.S.Reals, sympy.FiniteSet(bound))
    below = (operator in ("<", "\\leq")) == variable_left
    is_open = operator in ("<", ">")
    return (
        sympy.Interval(-sympy.oo, bound, True, is_open)
        if below
        else sympy.Interval(bound, sympy.oo, is_open, True)
    )
