"""PURE: the tree of a search and its costs.

A node is a prefix of steps within one subtree. Equal samples share one node, so that no prefix takes two
places in a beam and no solution votes twice."""

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
    """All steps from the start of the solution."""
    finished: bool
    subtree: int = 0
    round: int = 0
    drawn: int = 0
    """Number of times it was sampled."""
    continuation_count: int = 0
    """Number of continuations requested from it."""
    tokens: int = 0
    """Tokens generated for it, over all samples."""
    correct: tuple[float, ...] | None = None
    """p(correct) of each of `steps`."""
    score: float | None = None
    """Natural log of the prefix score. None: not scored, or too long for the scorer."""
    rank: float | None = None
    """Natural log that decides selection: the score, or the score at the end of its rollout."""
    lookahead_steps: Steps = ()
    """The rollout that ranks it."""
    selected: bool = False

    @property
    def text(self) -> str:
        return self.steps[-1] if self.steps else ""


@dataclass
class Costs:
    """Counts of generated and scored steps and tokens."""

    steps: int = 0
    tokens: int = 0
    rolled_steps: int = 0
    """Steps of lookahead rollouts, not included above."""
    rolled_tokens: int = 0
    asks: int = 0
    scored: int = 0
    """Prefixes that were scored."""
    scored_steps: int = 0
    unreadable: int = 0
    """Of these, prefixes too long for the scorer."""
    empty: int = 0
    """Samples without new steps."""

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
        """The node of `steps`, and whether it is new. `number`: the round."""
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
        """The nodes in sampling order, each with its last step only."""
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
        """Whether the node adds no step and marks its parent as complete."""
        return node.parent is not None and node.steps == self.nodes[node.parent].steps
