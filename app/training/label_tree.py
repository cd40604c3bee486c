"""A problem's labels as a tree of steps, and the tree as training examples.

A label is valid only under the prefix it was given: alternatives of one position share the
chosen prefix, and a prefix's labels count once however many chains go through it (Lightman et
al. 2023, sections 2.4 and 2.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Row


@dataclass
class Node:
    """A step under its prefix, and what was said of it."""

    text: str
    ratings: dict[int, int] = field(default_factory=dict)
    """assignment id -> rating"""
    solution_id: int = 0
    children: dict[str, Node] = field(default_factory=dict)
    adjudicated: int | None = None
    """An adjudicator's rating: it counts, whatever the others said."""

    @property
    def said(self) -> int | None:
        return majority(self.ratings.values()) if self.adjudicated is None else self.adjudicated


@dataclass
class Chain:
    """A path of the tree as a training example; each label of the tree is in one chain only."""

    solution_id: int
    steps: list[str]
    targets: list[int | None]
    assignment_ids: list[int]
    adjudicated: int = 0
    """How many of the targets are an adjudicator's."""


def tree(rows: Iterable[Row[Any]]) -> Node:
    """Every labeled step of a problem under the prefix it was judged with."""
    root = Node("")
    for _, walk in groupby(rows, key=lambda row: row.assignment_id):
        here: Node | None = root
        for row in walk:
            if here is None:
                break
            here = _judged(here, row)
    return root


def _judged(here: Node, row: Row[Any]) -> Node | None:
    """Put one position's ratings below `here`; the node the walk went on from, if it did."""
    candidates = row.texts if row.texts is not None else row.steps[row.position : row.position + 1]
    for candidate, rating in zip(candidates, row.ratings or [], strict=False):
        if rating is not None:
            _child(here, candidate, row).ratings[row.assignment_id] = rating
    if row.human_text is not None:
        written = _child(here, row.human_text, row)
        written.ratings[row.assignment_id] = 1
        return written
    if row.texts is None:
        return _child(here, candidates[0], row) if candidates else None
    return _child(here, candidates[row.chosen], row) if row.chosen is not None else None


def _child(here: Node, step: str, row: Row[Any]) -> Node:
    found = here.children.setdefault(step, Node(step))
    found.solution_id = found.solution_id or row.solution_id
    return found


def adjudicate(root: Node, solution_id: int, steps: list[str], ratings: list[int]) -> None:
    """Put a decision on the solution's own path. It may go further than the labelers went."""
    here = root
    for step, rating in zip(steps, ratings, strict=False):
        here = here.children.setdefault(step, Node(step))
        here.solution_id = here.solution_id or solution_id
        here.adjudicated = rating


def chains(root: Node, cut: bool, dropped: Counter[str]) -> Iterator[Chain]:
    """The tree's paths from root to leaf. A label goes to the first path through it; a path
    that brings no label of its own is left out."""
    seen: set[int] = set()
    stack: list[tuple[Node, list[Node]]] = [(child, []) for child in reversed(root.children.values())]
    while stack:
        node, above = stack.pop()
        path = [*above, node]
        stop = cut and node.said == -1
        if node.children and not stop:
            stack.extend((child, path) for child in reversed(node.children.values()))
        elif chain := _chain(path, seen, dropped):
            yield chain


def _chain(path: list[Node], seen: set[int], dropped: Counter[str]) -> Chain | None:
    targets: list[int | None] = []
    assignments: set[int] = set()
    adjudicated = 0
    for node in path:
        target = None
        if (node.ratings or node.adjudicated is not None) and id(node) not in seen:
            target = node.said
            adjudicated += node.adjudicated is not None
            dropped["no_majority"] += target is None
            seen.add(id(node))
            assignments.update(node.ratings)
        targets.append(target)
    if all(target is None for target in targets):
        return None
    last = max(index for index, target in enumerate(targets) if target is not None)
    steps = [node.text for node in path[: last + 1]]
    return Chain(path[-1].solution_id, steps, targets[: last + 1], sorted(assignments), adjudicated)


def majority(said: Iterable[int]) -> int | None:
    """What more than half of them said; None if there is none."""
    counted = Counter(said)
    if not counted:
        return None
    value, count = counted.most_common(1)[0]
    return value if count * 2 > counted.total() else None
