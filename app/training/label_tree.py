"""A problem's labels as a tree of steps, and the tree as training examples.

A label is valid only under the prefix it was given for: the alternatives of a position share the chosen
prefix, and a prefix's labels count once however many chains go through it (Lightman et al. 2023, sections 2.4
and 2.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Row

AggregationRule = Callable[[tuple[tuple[int, int], ...]], int | None]
"""(labeler, rating) pairs of a step -> its rating, or None (aggregation.py)."""


@dataclass
class StepNode:
    """A step under its prefix, and its ratings."""

    text: str
    ratings: dict[int, int] = field(default_factory=dict)
    """Assignment ID -> rating."""
    labelers: dict[int, int] = field(default_factory=dict)
    """Assignment ID -> user ID."""
    solution_id: int = 0
    children: dict[str, StepNode] = field(default_factory=dict)
    adjudicated: int | None = None
    """An adjudicator's rating, which takes precedence."""

    @property
    def ratings_by_labeler(self) -> tuple[tuple[int, int], ...]:
        """(user ID, rating) pairs in a fixed order."""
        return tuple(
            sorted((self.labelers[assignment], rating) for assignment, rating in self.ratings.items())
        )

    def target(self, rule: AggregationRule) -> int | None:
        return rule(self.ratings_by_labeler) if self.adjudicated is None else self.adjudicated


@dataclass
class Chain:
    """A path of the tree as a training example. Each label of the tree is in exactly one chain."""

    solution_id: int
    steps: list[str]
    targets: list[int | None]
    assignment_ids: list[int]
    adjudicated: int = 0
    """Targets that are an adjudicator's."""
    settled: int = 0
    """Targets of steps whose labelers have no majority."""
    changed: int = 0
    """Targets that differ from the majority's rating, dropped ones included."""
    values: list[float | None] | None = None
    """Soft labels: a rate between 0 and 1 for each step (rollout_labels.py)."""


ProblemChain = tuple[int, str, Chain]
"""Problem ID, its statement, a chain."""


def build_tree(rows: Iterable[Row[Any]]) -> StepNode:
    """Every labeled step of a problem under the prefix it was rated with."""
    root = StepNode("")
    for _, path in groupby(rows, key=lambda row: row.assignment_id):
        parent: StepNode | None = root
        for row in path:
            if parent is None:
                break
            parent = _add_position(parent, row)
    return root


def _add_position(parent: StepNode, row: Row[Any]) -> StepNode | None:
    """Add one position's ratings below `parent`. Returns the node the labeler continued from, if any."""
    candidates = row.texts if row.texts is not None else row.steps[row.position : row.position + 1]
    for candidate, rating in zip(candidates, row.ratings or [], strict=False):
        if rating is not None:
            _add_rating(_get_child(parent, candidate, row), row, rating)
    if row.human_text is not None:
        return _add_rating(_get_child(parent, row.human_text, row), row, 1)
    if row.texts is None:
        return _get_child(parent, candidates[0], row) if candidates else None
    return _get_child(parent, candidates[row.chosen], row) if row.chosen is not None else None


def _get_child(parent: StepNode, step: str, row: Row[Any]) -> StepNode:
    child = parent.children.setdefault(step, StepNode(step))
    child.solution_id = child.solution_id or row.solution_id
    return child


def _add_rating(node: StepNode, row: Row[Any], rating: int) -> StepNode:
    node.ratings[row.assignment_id], node.labelers[row.assignment_id] = rating, row.user_id
    return node


def apply_adjudication(root: StepNode, solution_id: int, steps: list[str], ratings: list[int]) -> None:
    """Put a decision on the solution's own path. It may cover more steps than the labelers rated."""
    node = root
    for step, rating in zip(steps, ratings, strict=False):
        node = node.children.setdefault(step, StepNode(step))
        node.solution_id = node.solution_id or solution_id
        node.adjudicated = rating


def iter_rated_nodes(root: StepNode) -> Iterator[StepNode]:
    """Every step with a rating."""
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children.values())
        if node.ratings:
            yield node


def iter_tree_chains(
    root: StepNode, cut: bool, dropped: Counter[str], rule: AggregationRule
) -> Iterator[Chain]:
    """The tree's paths from root to leaf. A label goes to the first path through it; a path without a
    label of its own is left out. `cut` ends a path at its first negative step. Counts the steps without
    a rating in `dropped`."""
    seen: set[int] = set()
    stack: list[tuple[StepNode, list[StepNode]]] = [(child, []) for child in reversed(root.children.values())]
    while stack:
        node, above = stack.pop()
        path = [*above, node]
        stop = cut and node.target(rule) == -1
        if node.children and not stop:
            stack.extend((child, path) for child in reversed(node.children.values()))
        elif chain := _build_chain(path, seen, dropped, rule):
            yield chain


def _build_chain(
    path: list[StepNode], seen: set[int], dropped: Counter[str], rule: AggregationRule
) -> Chain | None:
    chain = Chain(path[-1].solution_id, [node.text for node in path], [], [])
    assignments: set[int] = set()
    for node in path:
        target = None
        if (node.ratings or node.adjudicated is not None) and id(node) not in seen:
            target = node.target(rule)
            dropped["undecided"] += target is None
            seen.add(id(node))
            assignments.update(node.ratings)
            _count_label(chain, node, target)
        chain.targets.append(target)
    while chain.targets and chain.targets[-1] is None:
        chain.targets.pop()
    chain.steps = chain.steps[: len(chain.targets)]
    chain.assignment_ids = sorted(assignments)
    return chain if chain.targets else None


def _count_label(chain: Chain, node: StepNode, target: int | None) -> None:
    if node.adjudicated is not None:
        chain.adjudicated += 1
    elif target != (plain := majority_rating(node.ratings.values())):
        chain.settled += plain is None
        chain.changed += plain is not None


def majority_rating(ratings: Iterable[int]) -> int | None:
    """The rating of more than half of the labelers; None if there is none."""
    counted = Counter(ratings)
    if not counted:
        return None
    value, count = counted.most_common(1)[0]
    return value if count * 2 > counted.total() else None
