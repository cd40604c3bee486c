"""PURE: select one of the finished solutions of a search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.search.protocols import Classes
from app.search.tree import Node

SAME = 1e-12
"""Relative difference below which weights are tied, so that rounding never decides."""


@dataclass
class Vote:
    """The votes for one answer. `weight` is its share of the total weight."""

    answer: int
    solutions: list[int]
    """Ids of its nodes, highest score first."""
    weight: float
    count: int


def count_votes(finished: Sequence[Node], classes: Classes, *, pick: str, draws: bool) -> list[Vote]:
    """One entry per answer, the chosen answer first. With `draws`, a solution sampled twice has two votes
    (Snell et al. 2024, section 5.1; Li et al. 2023); without, it has one."""
    by_answer: dict[int, list[Node]] = {}
    for node, answer in zip(finished, classes([node.steps for node in finished]), strict=True):
        by_answer.setdefault(answer, []).append(node)
    by_answer.pop(-1, None)
    highest = max((_log(node) for nodes in by_answer.values() for node in nodes), default=-math.inf)
    votes = []
    for answer, nodes in by_answer.items():
        nodes.sort(key=lambda node: (-_log(node), node.id))
        counts = [node.drawn if draws else 1 for node in nodes]
        weight = math.fsum(n * _weight(node, highest) for n, node in zip(counts, nodes, strict=True))
        votes.append(Vote(answer, [node.id for node in nodes], weight, sum(counts)))
    best = {node.id: (_log(node), -node.id) for nodes in by_answer.values() for node in nodes}
    votes.sort(key=lambda vote: _order(vote, pick, best[vote.solutions[0]]), reverse=True)
    total = math.fsum(vote.weight for vote in votes) or 1.0
    for vote in votes:
        vote.weight /= total
    return _break_ties(votes, pick, best)


def _log(node: Node) -> float:
    return -math.inf if node.score is None else node.score


def _weight(node: Node, highest: float) -> float:
    """Weight relative to the highest score, so that long products do not underflow."""
    return 0.0 if node.score is None else math.exp(node.score - highest)


def _order(vote: Vote, pick: str, best: tuple[float, int]) -> tuple[float, float, int]:
    first = {"weighted": vote.weight, "majority": float(vote.count), "best": 0.0}[pick]
    return (first, *best)


def _break_ties(votes: list[Vote], pick: str, best: dict[int, tuple[float, int]]) -> list[Vote]:
    """Weights that differ only by rounding are tied. The highest single score decides."""
    if pick != "weighted" or not votes:
        return votes
    tied = [vote for vote in votes if vote.weight >= votes[0].weight * (1 - SAME)]
    first = max(tied, key=lambda vote: best[vote.solutions[0]])
    return [first, *(vote for vote in votes if vote is not first)]
