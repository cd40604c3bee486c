"""PURE: whether two answers are equal, by their structure. True, False, or None where it cannot be told.

Points, intervals and vectors keep their order; lists and sets do not; a point is no set; an equation is
not one of its sides, unless the other side is only a name. Values are compared exactly (numbers.py,
units.py), formulas by an `Algebra`. Policy with examples: docs/answers.md."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Protocol

from app.answers.commas import readings
from app.answers.forms import ALL_REALS, SAME_ORDER, expand_signs, is_range
from app.answers.groups import GroupComparison
from app.answers.names import drop_name, symbols_of
from app.answers.normalize import squeezed
from app.answers.numbers import read_number
from app.answers.structure import Choice, Group, Node, Relation, Scalar, Words, read_structure
from app.answers.values import compare_values
from app.answers.words import is_prose, is_words, same_words

DECIMAL_COMMA = re.compile(r"-?\d+,\d+$")


class Algebra(Protocol):
    """What needs a computer algebra system. Each method takes LaTeX; None: it cannot be told."""

    def spend(self) -> None:
        """Called once for two parts that are compared. May end a comparison that takes too long."""

    def equal(self, reference: str, answer: str) -> bool | None:
        """Are two formulas equal wherever both are defined?"""

    def same_curve(self, reference: Relation, answer: Relation) -> bool | None:
        """Do two equations, or two inequalities, hold at the same points?"""

    def same_range(self, reference: Node, answer: Node) -> bool | None:
        """Are two sets of real numbers equal?"""


def compare(reference: str, answer: str, algebra: Algebra) -> bool | None:
    """Compare two normalized answers under each reading of their commas."""
    if squeezed(reference) == squeezed(answer):
        return True
    results = []
    for first in readings(reference):
        for other in readings(answer):
            result = Comparison(algebra).nodes(read_structure(first), read_structure(other))
            if result:
                return True
            results.append(result)
    if (
        None in results
        or (is_prose(answer) and not is_words(reference))
        or _is_decimal_comma(reference, answer)
    ):
        return None
    return False


def _is_decimal_comma(reference: str, answer: str) -> bool:
    """3,25 may be two numbers or, in other countries, the number 3.25."""
    pairs = ((reference, answer), (answer, reference))
    return any(DECIMAL_COMMA.match(text) and text.replace(",", ".") == other for text, other in pairs)


class Comparison:
    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.groups = GroupComparison(self.nodes, algebra.equal)

    def nodes(self, left: Node, right: Node) -> bool | None:
        """Choices first, then words, relations, ranges, groups, and values at last."""
        self.algebra.spend()
        if left == right:
            return True
        for rule in (self._choices, self._relations, self._ranges, self._words, self.groups.compare):
            handled, result = rule(left, right)
            if handled:
                return result
        left, right = expand_signs(left), expand_signs(right)
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            return compare_values(left.text, right.text, self.algebra.equal)
        return self.groups.compare(left, right)[1]

    def _choices(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        if isinstance(left, Choice) and isinstance(right, Choice):
            if left.letter != right.letter:
                return True, False
            same = not left.content or not right.content or self._content(left, read_structure(right.content))
            return True, True if same else None
        choice, other = (left, right) if isinstance(left, Choice) else (right, left)
        if not isinstance(choice, Choice):
            return False, None
        if isinstance(other, Scalar) and re.fullmatch("[A-Ja-j]", other.text):
            return True, other.text.upper() == choice.letter
        return True, self._content(choice, other) if choice.content else False

    def _content(self, choice: Choice, other: Node) -> bool | None:
        return self.nodes(read_structure(choice.content), other)

    def _words(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        if not isinstance(left, Words) and not isinstance(right, Words):
            return False, None
        texts = [node.text for node in (left, right) if isinstance(node, Words | Scalar)]
        if len(texts) < 2:
            return True, False
        if same_words(texts[0], texts[1]):
            return True, True
        result = compare_values(texts[0], texts[1], None)
        return True, _mentions(texts[0], texts[1]) if result is False else result

    def _relations(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        if not isinstance(left, Relation) and not isinstance(right, Relation):
            return False, None
        values = drop_name(left), drop_name(right)
        if isinstance(left, Relation) and isinstance(right, Relation):
            if values[0] is not None and values[1] is not None:
                result = self.nodes(values[0], values[1])
                plain = all(isinstance(value, Scalar) for value in values)
                if result or not plain or symbols_of(left) != symbols_of(right):
                    return True, result
            ranges = is_range(left) or is_range(right)
            return not ranges, None if ranges else self.algebra.same_curve(left, right)
        relation, value, other = (left, *values) if isinstance(left, Relation) else (right, *values[::-1])
        if value is not None and other is not None:
            return True, self.nodes(*values)  # type: ignore[arg-type]
        assert isinstance(relation, Relation)
        if all(operator in SAME_ORDER for operator in relation.operators):
            return True, False
        return False, None

    def _ranges(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        if not (is_range(left) or is_range(right)):
            return False, None
        if any(isinstance(node, Words) and not ALL_REALS.match(node.text) for node in (left, right)):
            return True, False
        if any(isinstance(node, Scalar) and not is_range(node) for node in (left, right)):
            return True, False
        both = isinstance(left, Group) and isinstance(right, Group) and left.kind == right.kind == "tuple"
        if both and left.brackets != right.brackets:  # type: ignore[union-attr]
            return True, False
        if both:
            return False, None
        return True, self.algebra.same_range(left, right)


def _mentions(reference: str, answer: str) -> bool | None:
    """None, for undecided, where the answer is a sentence with the reference's number in it."""
    value = read_number(reference)
    numbers = re.findall(r"\d+(?:\.\d+)?", answer)
    return None if value is not None and any(Fraction(number) == value.value for number in numbers) else False
