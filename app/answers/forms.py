"""PURE: forms of a structure (structure.py) that are the same answer: one value with a plus-minus sign is a
list of two, a matrix of one column is a point, a list of named values is a point."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.answers.names import drop_name, is_name
from app.answers.structure import Group, Node, Relation, Scalar, Words

SAME_ORDER = ("=", "\\approx")
RANGE = re.compile(r"\\infty|\\mathbb\{[RZNQ]\}|\\setminus|\\cap(?![a-zA-Z])|\\backslash")
ALL_REALS = re.compile(r"(?:all|any|every|the)? ?(?:set of )?(?:all )?reals?(?: numbers?)?$", re.I)


def is_range(node: Node) -> bool:
    """Whether a node can only be a set of real numbers."""
    if isinstance(node, Relation):
        return node.operators[0] not in SAME_ORDER
    if isinstance(node, Group):
        if node.kind == "tuple" and len(node.items) == 2:
            return node.brackets in ("[)", "(]") or any(is_range(item) for item in node.items)
        if node.kind == "list":
            return all(isinstance(item, Relation) and is_range(item) for item in node.items)
        return node.kind == "union"
    if isinstance(node, Words):
        return ALL_REALS.match(node.text) is not None
    return isinstance(node, Scalar) and RANGE.search(node.text) is not None


def differ_as_intervals(left: Group, right: Group) -> bool:
    """Pairs in different brackets: (0, 1) is not [0, 1]. Angle brackets and matrices are vectors."""
    return {left.brackets, right.brackets} <= {"()", "[]", "(]", "[)"} and left.brackets != right.brackets


def matrix_text(node: Group) -> str | None:
    """A matrix of plain entries as LaTeX."""
    rows = [row.items for row in node.items if isinstance(row, Group)]
    if not all(isinstance(cell, Scalar) for row in rows for cell in row):
        return None
    lines = (" & ".join(cell.text for cell in row if isinstance(cell, Scalar)) for row in rows)
    return "\\begin{pmatrix}" + " \\\\ ".join(lines) + "\\end{pmatrix}"


def as_vector(node: Group) -> Group:
    """A matrix of one column or one row as a point; a list of lists as a matrix."""
    if node.brackets == "[]" and all(isinstance(item, Group) and item.kind == "tuple" for item in node.items):
        lists = (Group("tuple", item.items) for item in node.items if isinstance(item, Group))
        return Group("matrix", tuple(lists))
    if node.kind != "matrix":
        return node
    rows = [row.items for row in node.items if isinstance(row, Group)]
    if all(len(row) == 1 for row in rows):
        return Group("tuple", tuple(row[0] for row in rows), "\\langle\\rangle")
    return Group("tuple", rows[0], "\\langle\\rangle") if len(rows) == 1 else node


def expand_signs(node: Node) -> Node:
    """A formula with one plus-minus sign is the list of its two values."""
    if not isinstance(node, Scalar) or len(re.findall(r"\\pm(?![a-zA-Z])", node.text)) != 1:
        return node
    texts = [
        re.sub(r"\\pm(?![a-zA-Z])\s?", sign, re.sub(r"\\mp(?![a-zA-Z])\s?", other, node.text))
        for sign, other in (("+", "-"), ("-", "+"))
    ]
    return Group("list", tuple(Scalar(text.strip().removeprefix("+")) for text in texts))


def expand_members(items: Sequence[Node]) -> tuple[Node, ...]:
    """Members of a list, without their one common name, plus-minus signs as two members."""
    expanded: list[Node] = []
    for item in items:
        value = drop_name(item) or item
        signs = expand_signs(value)
        expanded += signs.items if isinstance(signs, Group) and isinstance(value, Scalar) else (value,)
    return tuple(expanded)


def name_members(group: Group) -> dict[str, Node]:
    """Name -> value where all members of a list have names and no two the same; else empty."""
    named: dict[str, Node] = {}
    for item in group.items:
        if (
            not isinstance(item, Relation)
            or item.operators[0] not in SAME_ORDER
            or not is_name(item.sides[0])
        ):
            return {}
        value = drop_name(item)
        if value is None or item.sides[0] in named:
            return {}
        named[item.sides[0]] = value
    return named if len(named) > 1 else {}
