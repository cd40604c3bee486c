"""PURE: a search from its problem to the solution it chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.search.config import SearchConfig
from app.search.expansion import Expansion
from app.search.methods import METHODS
from app.search.protocols import Classes, Proposer, Scorer
from app.search.revisions import best_of_chains
from app.search.tree import Costs, Node, Tree
from app.search.voting import Vote, count_votes

USUAL = "product"


@dataclass
class SearchResult:
    tree: Tree
    costs: Costs
    votes: list[Vote]
    chosen: Node | None
    """The best solution of the answer chosen. Where nothing was finished (the rounds ran out) or
    no finished solution has an answer, null."""
    aggregate: str


def run_search(
    problem: str,
    config: SearchConfig,
    proposer: Proposer,
    scorer: Scorer,
    classes: Classes,
    tell: Callable[[Expansion], None] = lambda _: None,
    *,
    usual: str = USUAL,
) -> SearchResult:
    """Deterministic where proposer and scorer are: every draw has a seed of its own, made from the
    config's, the prefix and its number. `tell` hears of every round and may raise to end it. `usual`:
    the aggregate of a config that names none.

    All finished solutions vote, those included that were dropped from the beam: they were paid for
    and judged. Solutions cut off after the last round do not."""
    growing = Expansion(problem, config, config.aggregate or usual, proposer, scorer, tell)
    METHODS[config.method](growing)
    tree = growing.tree
    finished = tree.finished()
    if config.method == "revisions" and config.stages:
        finished = best_of_chains(finished, classes, config.pick)
    draws = config.method == "best_of_n" or config.voices == "draws"
    voted = count_votes(finished, classes, pick=config.pick, draws=draws)
    chosen = tree.nodes[voted[0].solutions[0]] if voted else None
    return SearchResult(tree, growing.costs, voted, chosen, growing.aggregate)
