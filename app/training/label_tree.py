"""A problem's labels as a tree of steps, and the tree as training examples.

A label is valid only under the prefix it was given: alternatives of one position share the
chosen prefix, and a prefix's labels count once however many chains go through it (Lightman et
al. 2023, sections 2.4 and 2.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Row

AggregationRule = Callable[[tuple[tuple[int, int], ...]], int | None]
"""(labeler, rating) of a step -> its one rating, or None (aggregation.py)."""


@dataclass
class StepNode:
    """A step under its prefix, and what was said of it."""

    text: str
    ratings: dict[int, int] = field(default_factory=dict)
    """assignment id -> rating"""
    labelers: dict[int, int] = field(default_factory=dict)
    """assignment id -> user id"""
    solution_id: int = 0
    children: dict[str, StepNode] = field(default_factory=dict)
    adjudicated: int | None = None
    """An adjudicator's rating: it counts, whatever the others said."""

    @property
    def ratings_by_labeler(self) -> tuple[tuple[int, int], ...]:
        """Who said what, in a fixed order."""
        return tuple(sorted((self.labelers[by], rating) for by, rating in self.ratings.items()))

    def target(self, decide: AggregationRule) -> int | None:
        return decide(self.ratings_by_labeler) if self.adjudicated is None else self.adjudicated


@dataclass
class Chain:
    """A path of the tree as a training example; each label of the tree is in one chain only."""

    solution_id: int
    steps: list[str]
    targets: list[int | None]
    assignment_ids: list[int]
    adjudicated: int = 0
    """How many of the targets are an adjudicator's."""
    settled: int = 0
    """How many have a rating although their labelers have no majority."""
    changed: int = 0
    """How many are not what their majority said, the dropped ones included."""
    values: list[float | None] | None = None
    """Soft labels: a share between 0 and 1 a step (rollout_labels.py)."""


def build_tree(rows: Iterable[Row[Any]]) -> StepNode:
    """Every labeled step of a problem under the prefix it was judged with."""
    root = StepNode("")
    for _, walk in groupby(rows, key=lambda row: row.assignment_id):
        here: StepNode | None = root
        for row in walk:
            if here is None:
                break
            here = _judged(here, row)
    return root


def _judged(here: StepNode, row: Row[Any]) -> StepNode | None:
    """Put one position's ratings below `here`; the node the walk went on from, if it did."""
    candidates = row.texts if row.texts is not None else row.steps[row.position : row.position + 1]
    for candidate, rating in zip(candidates, row.ratings or [], strict=False):
        if rating is not None:
            _rate(_child(here, candidate, row), row, rating)
    if row.human_text is not None:
        return _rate(_child(here, row.human_text, row), row, 1)
    if row.texts is None:
        return _child(here, candidates[0], row) if candidates else None
    return _child(here, candidates[row.chosen], row) if row.chosen is not None else None


def _child(here: StepNode, step: str, row: Row[Any]) -> StepNode:
    found = here.children.setdefault(step, StepNode(step))
    found.solution_id = found.solution_id or row.solution_id
    return found


def _rate(node: StepNode, row: Row[Any], rating: int) -> StepNode:
    node.ratings[row.assignment_id], node.labelers[row.assignment_id] = rating, row.user_id
    return node


def apply_adjudication(root: StepNode, solution_id: int, steps: list[str], ratings: list[int]) -> None:
    """Put a decision on the solution's own path. It may go further than the labelers went."""
    here = root
    for step, rating in zip(steps, ratings, strict=False):
        here = here.children.setdefault(step, StepNode(step))
        here.solution_id = here.solution_id or solution_id
        here.adjudicated = rating


def iter_rated_nodes(root: StepNode) -> Iterator[StepNode]:
    """Every step that someone rated."""
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children.values())
        if node.ratings:
            yield node


def iter_tree_chains(
    root: StepNode, cut: bool, dropped: Counter[str], decide: AggregationRule
) -> Iterator[Chain]:
    """The tree's paths from root to leaf. A label goes to the first path through it; a path
    that brings no label of its own is left out."""
    seen: set[int] = set()
    stack: list[tuple[StepNode, list[StepNode]]] = [(child, []) for child in reversed(root.children.values())]
    while stack:
        node, above = stack.pop()
        path = [*above, node]
        stop = cut and node.target(decide) == -1
        if node.children and not stop:
            stack.extend((child, path) for child in reversed(node.children.values()))
        elif chain := _chain(path, seen, dropped, decide):
            yield chain


def _chain(
    path: list[StepNode], seen: set[int], dropped: Counter[str], decide: AggregationRule
) -> Chain | None:
    made = Chain(path[-1].solution_id, [node.text for node in path], [], [])
    assignments: set[int] = set()
    for node in path:
        target = None
        if (node.ratings or node.adjudicated is not None) and id(node) not in seen:
            target = node.target(decide)
            dropped["undecided"] += target is None
            seen.add(id(node))
            assignments.update(node.ratings)
            _count(made, node, target)
        made.targets.append(target)
    while made.targets and made.targets[-1] is None:
        made.targets.pop()
    made.steps = made.steps[: len(made.targets)]
    made.assignment_ids = sorted(assignments)
    return made if made.targets else None


def _count(made: Chain, node: StepNode, target: int | None) -> None:
    if node.adjudicated is not None:
        made.adjudicated += 1
    elif target != (plain := majority_rating(node.ratings.values())):
        made.settled += plain is None
        made.changed += plain is not None


def majority_rating(said: Iterable[int]) -> int | None:
    """What more than half of them said; None if there is none."""
    counted = Counter(said)
    if not counted:
        return None
    value, count = counted.most_common(1)[0]
    return value if count * 2 > counted.total() else None
