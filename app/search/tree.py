"""PURE: the tree a search grows, and what growing it cost.

A node is a prefix of steps (of one subtree); what is drawn twice is one node that was drawn twice,
so that no prefix takes two places in a beam and no solution votes twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from app.search.protocols import Steps

ROOT = 0


@dataclass
class Node:
    id: int
    parent: int | None
    steps: Steps
    """From the first of the solution on."""
    finished: bool
    subtree: int = 0
    round: int = 0
    drawn: int = 0
    """How often it was drawn."""
    continuation_count: int = 0
    """How often it was asked to go on."""
    tokens: int = 0
    """Generated to draw it, over all draws."""
    correct: tuple[float, ...] | None = None
    """The scorer's probability of each of `steps`."""
    score: float | None = None
    """Natural log, of its own steps. Null: not scored, or the scorer cannot read it."""
    rank: float | None = None
    """Natural log, what it was kept or dropped by: the score, or that of the end of its rollout."""
    lookahead_steps: Steps = ()
    """The rollout, which is judged and thrown away."""
    selected: bool = False

    @property
    def text(self) -> str:
        return self.steps[-1] if self.steps else ""


@dataclass
class Costs:
    """What was generated and read, counted as it happens."""

    steps: int = 0
    tokens: int = 0
    rolled_steps: int = 0
    """In rollouts, beside those above."""
    rolled_tokens: int = 0
    asks: int = 0
    scored: int = 0
    """Prefixes the scorer read."""
    scored_steps: int = 0
    unreadable: int = 0
    """Of them, those it could not read."""
    empty: int = 0
    """Draws that brought nothing."""

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass
class Tree:
    nodes: list[Node] = field(default_factory=lambda: [Node(ROOT, None, (), False)])
    node_ids: dict[tuple[int, Steps, bool], int] = field(default_factory=dict)

    @property
    def root(self) -> Node:
        return self.nodes[ROOT]

    def add_node(
        self, parent: Node, steps: Steps, finished: bool, subtree: int, number: int
    ) -> tuple[Node, bool]:
        """The node of `steps`, and whether it is new. `number`: of the round."""
        key = (subtree, steps, finished)
        place = self.node_ids.get(key)
        if place is not None:
            self.nodes[place].drawn += 1
            return self.nodes[place], False
        node = Node(len(self.nodes), parent.id, steps, finished, subtree, number, drawn=1)
        self.node_ids[key] = node.id
        self.nodes.append(node)
        return node, True

    def finished(self) -> list[Node]:
        return [node for node in self.nodes if node.finished]

    def path(self, node: Node | None) -> Iterator[Node]:
        """From `node` up to the root, without the root."""
        while node is not None and node.parent is not None:
            yield node
            node = self.nodes[node.parent]

    def as_json(self) -> list[dict[str, Any]]:
        """The nodes in the order they were drawn, each with its own step only."""
        return [
            {
                "id": node.id,
                "parent": node.parent,
                "text": "" if self._closes(node) else node.text,
                "depth": len(node.steps),
                "finished": node.finished,
                "subtree": node.subtree,
                "round": node.round,
                "drawn": node.drawn,
                "tokens": node.tokens,
                "correct": None if node.correct is None else round(node.correct[-1], 6),
                "score": node.score,
                "rank": node.rank,
                "ahead": list(node.lookahead_steps),
                "kept": node.selected,
            }
            for node in self.nodes[1:]
        ]

    def _closes(self, node: Node) -> bool:
        """A node without a step of its own: its parent, said to be whole."""
        return node.parent is not None and node.steps == self.nodes[node.parent].steps
