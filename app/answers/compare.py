"""PURE: whether two answers are equal, by their structure. True, False, or None where it cannot be told.

Points, intervals and vectors keep their order; lists and sets do not; a point is no set; an equation is
not one of its sides, unless the other side is only a name. Values are compared exactly (numbers.py,
units.py), formulas by an `Algebra`. Policy with examples: docs/answers.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from app.answers.commas import readings
from app.answers.forms import (
    ALL_REALS,
    SAME_ORDER,
    as_vector,
    differ_as_intervals,
    expand_members,
    expand_signs,
    is_range,
    matrix_text,
    name_members,
)
from app.answers.names import drop_name, symbols_of
from app.answers.normalize import squeezed
from app.answers.numbers import read_number
from app.answers.structure import Choice, Group, Node, Relation, Scalar, Words, read_structure
from app.answers.values import compare_values
from app.answers.words import is_prose, is_words, same_words


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
    if None in results or (is_prose(answer) and not is_words(reference)):
        return None
    return False


class Comparison:
    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra

    def nodes(self, left: Node, right: Node) -> bool | None:
        """Choices first, then words, relations, ranges, groups, and values at last."""
        self.algebra.spend()
        if left == right:
            return True
        for rule in (self._choices, self._relations, self._ranges, self._words, self._groups):
            handled, result = rule(left, right)
            if handled:
                return result
        left, right = expand_signs(left), expand_signs(right)
        if isinstance(left, Scalar) and isinstance(right, Scalar):
            return compare_values(left.text, right.text, self.algebra.equal)
        return self._groups(left, right)[1]

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

    def _groups(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        groups = [node if isinstance(node, Group) else None for node in (left, right)]
        if groups[0] is None or groups[1] is None:
            return self._group_and_value(left, right)
        return True, self._two_groups(groups[0], groups[1])

    def _group_and_value(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        left, right = expand_signs(left), expand_signs(right)
        if isinstance(left, Group) and isinstance(right, Group):
            return True, self._two_groups(left, right)
        if not isinstance(left, Group) and not isinstance(right, Group):
            return False, None
        group, value = (left, right) if isinstance(left, Group) else (right, left)
        assert isinstance(group, Group)
        if group.kind == "set" and len(group.items) == 1:
            return True, self.nodes(group.items[0], value)
        if group.kind == "matrix" and isinstance(value, Scalar) and "\\begin" in value.text:
            text = matrix_text(group)
            return True, None if text is None else self.algebra.equal(text, value.text)
        return True, False

    def _two_groups(self, left: Group, right: Group) -> bool | None:
        kinds = {left.kind, right.kind}
        if kinds <= {"list", "set"}:
            return self._unordered(left, right)
        if kinds == {"tuple", "matrix"}:
            left, right = as_vector(left), as_vector(right)
            kinds = {left.kind, right.kind}
        if len(kinds) == 1:
            if len(left.items) == 2 and left.kind == "tuple" and differ_as_intervals(left, right):
                return False
            return self._in_order(left.items, right.items)
        if kinds == {"tuple", "list"}:
            return self._point_and_list(left, right)
        return False

    def _point_and_list(self, left: Group, right: Group) -> bool | None:
        """A list whose members have names is a point: x = 1, y = 2 is (1, 2)."""
        point, members = (left, right) if left.kind == "tuple" else (right, left)
        names = name_members(members)
        if names:
            ordered = tuple(names[name] for name in sorted(names))
            return self._in_order(point.items, ordered)
        if len(point.items) > 2 and point.brackets == "[]":
            return self._unordered(Group("list", point.items), members)
        return None if self._in_order(point.items, members.items) else False

    def _in_order(self, left: Sequence[Node], right: Sequence[Node]) -> bool | None:
        if len(left) != len(right):
            return False
        results = [self.nodes(first, other) for first, other in zip(left, right, strict=True)]
        return False if False in results else None if None in results else True

    def _unordered(self, left: Group, right: Group) -> bool | None:
        """As often on one side as on the other, in any order. Names on both sides must agree; words that
        are in another order are undecided."""
        names, others = name_members(left), name_members(right)
        if names and others:
            return self._named(names, others)
        if names or others:
            values = [tuple((n or {}).values()) or g.items for n, g in ((names, left), (others, right))]
            in_order = self._in_order(values[0], values[1])
            return True if in_order else None if self._match(values[0], values[1]) is not False else False
        members = [expand_members(group.items) for group in (left, right)]
        matched = self._match(members[0], members[1])
        if matched and all(isinstance(node, Words) for node in members[0]):
            return self._in_order(members[0], members[1]) or None
        return matched

    def _named(self, left: dict[str, Node], right: dict[str, Node]) -> bool | None:
        if left.keys() == right.keys():
            return self._in_order([left[name] for name in left], [right[name] for name in left])
        return None if self._match(tuple(left.values()), tuple(right.values())) is not False else False

    def _match(self, left: Sequence[Node], right: Sequence[Node]) -> bool | None:
        if len(left) != len(right):
            return False
        rest, unsure = list(right), False
        for member in left:
            for place, candidate in enumerate(rest):
                result = self.nodes(member, candidate)
                unsure |= result is None
                if result:
                    del rest[place]
                    break
            else:
                return None if unsure else False
        return True


def _mentions(reference: str, answer: str) -> bool | None:
    """None, for undecided, where the answer is a sentence with the reference's number in it."""
    value = read_number(reference)
    numbers = re.findall(r"\d+(?:\.\d+)?", answer)
    return None if value is not None and any(Fraction(number) == value.value for number in numbers) else False
