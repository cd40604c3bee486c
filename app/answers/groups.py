"""PURE: two groups of values (structure.py): in order for points, intervals, vectors and matrices, in any
order for lists and sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.answers.forms import (
    as_vector,
    differ_as_intervals,
    expand_members,
    expand_signs,
    matrix_text,
    name_members,
)
from app.answers.structure import Group, Node, Scalar, Words

EqualNodes = Callable[[Node, Node], bool | None]
EqualFormulas = Callable[[str, str], bool | None]


class GroupComparison:
    """Compares members by the two functions it is given."""

    def __init__(self, nodes: EqualNodes, formulas: EqualFormulas) -> None:
        self.nodes, self.formulas = nodes, formulas

    def compare(self, left: Node, right: Node) -> tuple[bool, bool | None]:
        """Whether there is a group on either side, and then the result."""
        if isinstance(left, Group) and isinstance(right, Group):
            return True, self._two_groups(left, right)
        return self._group_and_value(left, right)

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
            return True, None if text is None else self.formulas(text, value.text)
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
