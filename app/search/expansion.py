"""PURE: what the methods have in common: asking for continuations, putting them into the tree,
judging them, counting both. No method scores a node by anything but its own steps (or its own
rollout): a child is always read afresh."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.search.config import SearchConfig
from app.search.prefix_score import log_score
from app.search.protocols import Continuation, ContinuationRequest, Proposer, Scorer, Steps
from app.search.tree import Costs, Node, Tree


@dataclass
class Expansion:
    problem: str
    config: SearchConfig
    aggregate: str
    proposer: Proposer
    scorer: Scorer
    on_round: Callable[[Expansion], None]
    """Hears of every round, and may raise to end the search."""
    tree: Tree = field(default_factory=Tree)
    costs: Costs = field(default_factory=Costs)
    round: int = 0

    def expand(self, requests: Sequence[tuple[Node, int, int]], steps: int | None = 1) -> list[Node]:
        """Continue each (node, so often, in subtree); all in one call. The distinct nodes that came
        out, in the order drawn: a prefix drawn again is there once."""
        asks, from_where = [], []
        for node, count, subtree in requests:
            for number in range(node.continuation_count, node.continuation_count + count):
                asks.append(
                    ContinuationRequest(
                        node.steps, derive_seed(self.config.seed, subtree, node.steps, number)
                    )
                )
                from_where.append((node, subtree))
            node.continuation_count += count
        answers = self._asked(asks, steps)
        nodes: dict[int, Node] = {}
        for (parent, subtree), drawn in zip(from_where, answers, strict=True):
            child = self.add_path(parent, drawn, subtree)
            if child is not None:
                nodes[child.id] = child
        return list(nodes.values())

    def _asked(self, asks: Sequence[ContinuationRequest], steps: int | None) -> Sequence[Continuation]:
        self.costs.asks += len(asks)
        return self.proposer.propose(self.problem, asks, steps) if asks else []

    def add_path(self, parent: Node, drawn: Continuation, subtree: int) -> Node | None:
        """The node at the end of what was drawn, paid for; those on the way to it are made too."""
        self.costs.steps += len(drawn.steps)
        self.costs.tokens += drawn.tokens
        prefix = parent.steps + drawn.steps
        if not prefix or not (drawn.steps or drawn.finished):
            self.costs.empty += 1
            return None
        node = parent
        for length in range(len(parent.steps) + 1, len(prefix)):
            node, _ = self.tree.add_node(node, prefix[:length], False, subtree, self.round)
        node, _ = self.tree.add_node(node, prefix, drawn.finished, subtree, self.round)
        node.tokens += drawn.tokens
        return node

    def propagate_step_scores(self, leaf: Node) -> None:
        """The steps on the way to a whole solution were judged with it."""
        for node in self.tree.path(leaf):
            if node.correct is None and leaf.correct is not None:
                node.correct = leaf.correct[: len(node.steps)]

    def score_nodes(self, nodes: Sequence[Node]) -> None:
        """Score nodes by their own steps; what they are ranked by is the same."""
        for node, correct in zip(nodes, self._read([node.steps for node in nodes]), strict=True):
            if correct is not None:
                self._judged(node, correct)
                node.rank = node.score

    def score_lookahead(self, nodes: Sequence[Node], k: int) -> None:
        """Rank each by the end of a greedy rollout of up to `k` steps (Snell et al. 2024, section
        5.2); one that is finished by itself. Both scores come from the one reading."""
        open_nodes = [node for node in nodes if not node.finished]
        rollouts = self._asked([ContinuationRequest(node.steps, None) for node in open_nodes], k) if k else []
        for node, drawn in zip(open_nodes, rollouts, strict=bool(k)):
            self.costs.rolled_steps += len(drawn.steps)
            self.costs.rolled_tokens += drawn.tokens
            node.lookahead_steps = drawn.steps
        read = self._read([node.steps + node.lookahead_steps for node in nodes])
        for node, correct in zip(nodes, read, strict=True):
            if correct is not None:
                self._judged(node, correct)
                node.rank = log_score(correct, self.aggregate)

    def _judged(self, node: Node, correct: Sequence[float]) -> None:
        node.correct = tuple(correct[: len(node.steps)])
        node.score = log_score(node.correct, self.aggregate)

    def _read(self, prefixes: Sequence[Steps]) -> Sequence[Sequence[float] | None]:
        if not prefixes:
            return []
        scores = self.scorer.score_prefixes(self.problem, prefixes)
        self.costs.scored += len(prefixes)
        self.costs.scored_steps += sum(map(len, prefixes))
        self.costs.unreadable += sum(score is None for score in scores)
        return scores

    def best(self, nodes: Sequence[Node], count: int) -> list[Node]:
        """The `count` highest ranked, marked as kept; of equals the one drawn first. What could not
        be read stands last."""
        unread = float("-inf")
        order = sorted(nodes, key=lambda node: (-(unread if node.rank is None else node.rank), node.id))
        for node in order[:count]:
            node.selected = True
        return order[:count]


def derive_seed(seed: int, subtree: int, steps: Steps, number: int) -> int:
    """Of the `number`-th continuation of a prefix: the same whatever else is asked beside it."""
    key = "\0".join((str(seed), str(subtree), str(number), *steps))
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) >> 1
