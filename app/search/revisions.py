"""PURE: revisions (Snell et al. 2024, section 6). What a reviser learns from: trajectories of up to
four wrong solutions and then a right one, the last wrong one the closest to it. How one is used:
chains of revisions, several side by side, and a verifier that chooses."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rapidfuzz.distance import Levenshtein

from app.search.asking import Classes, Drawn, Scorer, Steps
from app.search.growing import seed_of
from app.search.scores import log_score
from app.search.tree import Node
from app.search.voting import Vote, votes

MOST_WRONG = 4


@dataclass(frozen=True)
class Trajectory:
    wrong: tuple[Steps, ...]
    """In the order they are shown; the last is the closest to `right`."""
    right: Steps


def distance(one: Steps, other: Steps) -> int:
    """Edits of characters (Levenshtein) between two solutions, a step a line."""
    return Levenshtein.distance("\n".join(one), "\n".join(other))


def trajectories(
    right: Sequence[Steps], wrong: Sequence[Steps], *, seed: int, most_wrong: int = MOST_WRONG
) -> Iterator[Trajectory]:
    """One for each different right solution of a problem. How many wrong ones go before it is drawn
    evenly from 0 to `most_wrong` (or to as many as there are); the last of them is the closest to the
    right one by edit distance (of equals, the first), the others are drawn from the rest, none twice.

    So the reviser learns to keep what is right in the attempt before its own, and not to look for
    what the earlier ones have in common with it."""
    different = list(dict.fromkeys(wrong))
    for number, target in enumerate(dict.fromkeys(right)):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable, not secret
        count = chance.randint(0, min(most_wrong, len(different)))
        if not count:
            yield Trajectory((), target)
            continue
        last = min(range(len(different)), key=lambda place: (distance(different[place], target), place))
        others = [each for place, each in enumerate(different) if place != last]
        yield Trajectory((*chance.sample(others, count - 1), different[last]), target)


class Reviser(Protocol):
    def revised(
        self, problem: str, attempts: Sequence[Sequence[Steps]], seeds: Sequence[int]
    ) -> Sequence[Drawn]:
        """For each list of attempts, oldest first (none at the beginning), one whole new solution."""


@dataclass
class Revised:
    chains: list[list[Node]]
    """Chain by chain, the finished solutions in the order they were made."""
    tokens: int
    votes: list[Vote]
    chosen: Node | None


def splits(budget: int) -> list[tuple[int, int]]:
    """(chains, length) that make up a power of two: all in parallel first, one chain last."""
    return [
        (budget >> power, 1 << power) for power in range(budget.bit_length()) if budget % (1 << power) == 0
    ]


def revise(
    problem: str,
    reviser: Reviser,
    scorer: Scorer,
    classes: Classes,
    *,
    chains: int,
    length: int,
    seed: int = 0,
    aggregate: str = "product",
    shown: int = MOST_WRONG,
    flat: bool = False,
) -> Revised:
    """chains x length solutions: `chains` side by side, each revised until it is `length` long. An
    attempt sees the last `shown` before it, which is what the reviser was taught with.

    The verifier chooses in two stages (section 6.2): in each chain the best of the answer with the
    largest sum of scores; then the same among those. `flat`: all of them at once."""
    nodes = _chains(problem, reviser, chains, length, seed, shown)
    tokens = sum(node.tokens for chain in nodes for node in chain)
    done = [[node for node in chain if node.finished and node.steps] for chain in nodes]
    everything = [node for chain in done for node in chain]
    read = scorer.correct(problem, [node.steps for node in everything]) if everything else []
    for node, correct in zip(everything, read, strict=True):
        if correct is not None:
            node.correct, node.score = tuple(correct), log_score(correct, aggregate)
    best = everything if flat else [found for chain in done if (found := _best(chain, classes)[1])]
    voted, chosen = _best(best, classes)
    return Revised(done, tokens, voted, chosen)


def _chains(
    problem: str, reviser: Reviser, chains: int, length: int, seed: int, shown: int
) -> list[list[Node]]:
    made: list[list[Node]] = [[] for _ in range(chains)]
    for turn in range(length):
        seen = [[node.steps for node in chain if node.steps][-shown:] if shown else [] for chain in made]
        seeds = [seed_of(seed, number, (), turn) for number in range(chains)]
        for number, drawn in enumerate(reviser.revised(problem, seen, seeds)):
            place = turn * chains + number
            node = Node(place, None, drawn.steps, drawn.finished, subtree=number, round=turn, drawn=1)
            node.tokens = drawn.tokens
            made[number].append(node)
    return made


def _best(nodes: Sequence[Node], classes: Classes) -> tuple[list[Vote], Node | None]:
    voted = votes(nodes, classes, pick="weighted", draws=True)
    by_id = {node.id: node for node in nodes}
    return voted, by_id[voted[0].solutions[0]] if voted else None
