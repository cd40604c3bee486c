"""PURE: revisions (Snell et al. 2024, section 6). Training data: trajectories of up to four incorrect
solutions and a correct one, where the last incorrect solution is the closest to it. Search: parallel
chains of revisions, and a verifier that selects."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rapidfuzz.distance import Levenshtein

from app.search.expansion import Expansion, derive_seed
from app.search.protocols import Classes, Continuation, Steps
from app.search.tree import Node
from app.search.voting import count_votes

MOST_WRONG = 4


@dataclass(frozen=True)
class Trajectory:
    wrong: tuple[Steps, ...]
    """In prompt order; the last is the closest to `right`."""
    right: Steps


def edit_distance(first: Steps, second: Steps) -> int:
    """Levenshtein distance in characters between two solutions, one step per line."""
    return Levenshtein.distance("\n".join(first), "\n".join(second))


def build_trajectories(
    right: Sequence[Steps], wrong: Sequence[Steps], *, seed: int, most_wrong: int = MOST_WRONG
) -> Iterator[Trajectory]:
    """One trajectory per distinct correct solution of a problem. The number of incorrect solutions is uniform
    from 0 to `most_wrong` or to the number available. The last is the closest to the correct one by edit
    distance (ties: the first); the others are random without replacement.

    The reviser thus learns to keep the correct part of the previous attempt."""
    different = list(dict.fromkeys(wrong))
    for number, target in enumerate(dict.fromkeys(right)):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable, not secret
        count = chance.randint(0, min(most_wrong, len(different)))
        if not count:
            yield Trajectory((), target)
            continue
        last = min(range(len(different)), key=lambda place: (edit_distance(different[place], target), place))
        others = [solution for place, solution in enumerate(different) if place != last]
        yield Trajectory((*chance.sample(others, count - 1), different[last]), target)


@runtime_checkable
class Reviser(Protocol):
    def revise(
        self, problem: str, attempts: Sequence[Sequence[Steps]], seeds: Sequence[int]
    ) -> Sequence[Continuation]:
        """One complete new solution for each list of attempts, oldest first; lists may be empty."""


def budget_splits(budget: int) -> list[tuple[int, int]]:
    """(chains, length) pairs with the product `budget`: all parallel first, a single chain last."""
    return [
        (budget >> power, 1 << power) for power in range(budget.bit_length()) if budget % (1 << power) == 0
    ]


def build_prompt(statement: str, attempts: Iterable[Steps]) -> str:
    """The prompt of a reviser, in training and search."""
    shown = [f"Attempt {number}:\n" + "\n".join(steps) for number, steps in enumerate(attempts, 1)]
    return "\n\n".join([f"Problem:\n{statement}", *shown, "Solution:\n"])


def revision_chains(search: Expansion) -> None:
    """n / M parallel chains of M solutions. The first solution has no attempts; each other revises the
    previous four, as in training. Every chain is a subtree."""
    config, reviser = search.config, search.proposer
    if not isinstance(reviser, Reviser):
        raise TypeError("revisions need a proposer that revises")
    chains: list[list[Steps]] = [[] for _ in range(config.n // config.beam_width)]
    for search.round in range(1, config.beam_width + 1):
        seen = [chain[-MOST_WRONG:] for chain in chains]
        seeds = [derive_seed(config.seed, number, (), search.round) for number in range(len(chains))]
        nodes: dict[int, Node] = {}
        search.costs.asks += len(chains)
        for number, drawn in enumerate(reviser.revise(search.problem, seen, seeds)):
            node = search.add_path(search.tree.root, drawn, number)
            if node is not None:
                nodes[node.id] = node
            if drawn.steps:
                chains[number].append(drawn.steps)
        search.score_nodes([node for node in nodes.values() if node.score is None])
        for node in nodes.values():
            search.propagate_step_scores(node)
        search.on_round(search)


def best_of_chains(finished: Sequence[Node], classes: Classes, pick: str) -> list[Node]:
    """The selected solution of each chain (section 6.2: first within a chain, then across)."""
    by_chain: dict[int, list[Node]] = {}
    for node in finished:
        by_chain.setdefault(node.subtree, []).append(node)
    chosen = []
    for nodes in by_chain.values():
        voted = count_votes(nodes, classes, pick=pick, draws=True)
        if voted:
            chosen.append(next(node for node in nodes if node.id == voted[0].solutions[0]))
    return chosen
