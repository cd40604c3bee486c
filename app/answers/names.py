"""PURE: names before a value: `x = 2`, `f(x) = x^2`, `(x, y) = (1, 2)`. The name does not count; an
equation whose left side is more than a name is an equation."""

from __future__ import annotations

import re

from app.answers.structure import Node, Relation, Scalar, read_structure
from app.answers.words import FUNCTIONS, is_words

SUBSCRIPT = r"(?:_\s?(?:\{[^{}]*\}|\\?[A-Za-z0-9]+))?"
GREEK = r"alpha|beta|gamma|delta|epsilon|theta|lambda|mu|rho|sigma|tau|phi|varphi|omega|Delta|Omega|Gamma|ell"
SYMBOL = rf"(?:\\(?:{GREEK})|[A-Za-z]){SUBSCRIPT}'*"
NAME = re.compile(
    rf"(?:{SYMBOL}|{SYMBOL}\s?:\s?{SYMBOL}|[A-Z]{{2,4}}'*|\|[A-Z]{{2}}\||\\overline\{{[A-Z]{{2}}\}}|m?\s?\\angle\s?[A-Z]{{1,3}}"
    rf"|[A-Za-z]{SUBSCRIPT}'*\s?\(\s?{SYMBOL}(?:\s?,\s?{SYMBOL})*\s?\)|[A-Z]\s?\([^()]*\)|[A-Z]\s?\[[^\[\]]*\]"
    rf"|\(\s?{SYMBOL}(?:\s?,\s?{SYMBOL})+\s?\)|\\frac\{{(?:d[a-z]|[A-Z]{{2}})\}}\{{(?:d[a-z]|[A-Z]{{2}})\}}|\\(?:vec|mathbf|hat)\{{[A-Za-z]+\}})$"
)


def is_name(side: str) -> bool:
    return NAME.match(side.strip()) is not None or (is_words(side) and not re.search(r"[\d^=]", side))


def is_constant(side: str) -> bool:
    """Whether a side of a relation has no symbol in it."""
    rest = re.sub(r"\\[a-zA-Z]+", " ", side)
    return not any(letter not in "ei" for letter in re.findall("[A-Za-z]", rest))


def drop_name(node: Node) -> Node | None:
    """The value of an assignment or of a chain of constants; the node itself if it is no relation; None
    for an equation or inequality."""
    if not isinstance(node, Relation):
        return node
    if any(operator not in ("=", "\\approx", "\\in") for operator in node.operators):
        return None
    first, last = node.sides[0], node.sides[-1]
    if len(node.sides) > 2 and "\\approx" in node.operators[1:]:
        last = node.sides[node.operators.index("\\approx", 1)]  # an exact value before its decimal
    if is_name(first) and not _mentions(first, last):
        return read_structure(last)
    if len(node.sides) == 2 and node.operators == ("=",) and is_name(last) and is_constant(first):
        return read_structure(first)
    return Scalar(last) if all(is_constant(side) for side in node.sides) else None


def _mentions(name: str, value: str) -> bool:
    """x = 2x + 1 is an equation for x."""
    if not re.fullmatch(SYMBOL, name):
        return False
    return re.search(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z_])", value) is not None


def symbols_of(relation: Relation) -> set[str]:
    """Letters that a relation is about."""
    text = " ".join(relation.sides)
    return set(re.findall(r"[A-Za-z]", re.sub(r"\\[a-zA-Z]+", " ", text))) - FUNCTIONS
