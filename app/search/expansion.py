"""PURE: operations shared by all methods: request continuations, add them to the tree, score them, and count
the costs. A node is scored by its own steps or its own rollout only; nothing is inherited from its parent."""

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
    """Called after each round; may raise to end the search."""
    tree: Tree = field(default_factory=Tree)
    costs: Costs = field(default_factory=Costs)
    round: int = 0

    def expand(self, requests: Sequence[tuple[Node, int, int]], steps: int | None = 1) -> list[Node]:
        """Continue each (node, count, subtree), all in one call. Returns the distinct new nodes in sampling
        order; a prefix that is sampled twice appears once."""
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
        answers = self._request_continuations(asks, steps)
        nodes: dict[int, Node] = {}
        for (parent, subtree), drawn in zip(from_where, answers, strict=True):
            child = self.add_path(parent, drawn, subtree)
            if child is not None:
                nodes[child.id] = child
        return list(nodes.values())

    def _request_continuations(
        self, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> Sequence[Continuation]:
        self.costs.asks += len(asks)
        return self.proposer.propose(self.problem, asks, steps) if asks else []

    def add_path(self, parent: Node, drawn: Continuation, subtree: int) -> Node | None:
        """Add a continuation and its intermediate nodes, and count its costs. Returns its last node."""
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
        """Copy the step probabilities of a scored solution to its ancestors."""
        for node in self.tree.path(leaf):
            if node.correct is None and leaf.correct is not None:
                node.correct = leaf.correct[: len(node.steps)]

    def score_nodes(self, nodes: Sequence[Node]) -> None:
        """Score and rank nodes by their own steps."""
        for node, correct in zip(nodes, self._read([node.steps for node in nodes]), strict=True):
            if correct is not None:
                self._judged(node, correct)
                node.rank = node.score

    def score_lookahead(self, nodes: Sequence[Node], k: int) -> None:
        """Rank nodes by the end of a greedy rollout of up to `k` steps (Snell et al. 2024, section 5.2), and
        finished nodes by themselves. One scoring pass gives both score and rank."""
        open_nodes = [node for node in nodes if not node.finished]
        rollouts = (
            self._request_continuations([ContinuationRequest(node.steps, None) for node in open_nodes], k)
            if k
            else []
        )
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
        """Select the `count` highest ranked nodes. Ties go to the earlier node; unread nodes rank last."""
        unread = float("-inf")
        order = sorted(nodes, key=lambda node: (-(unread if node.rank is None else node.rank), node.id))
        for node in order[:count]:
            node.selected = True
        return order[:count]


def derive_seed(seed: int, subtree: int, steps: Steps, number: int) -> int:
    """Seed of the `number`-th continuation of a prefix, independent of all other requests."""
    key = "\0".join((str(seed), str(subtree), str(number), *steps))
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) >> 1
