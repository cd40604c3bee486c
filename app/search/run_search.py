"""PURE: run a search from the problem to the chosen solution."""

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
    """The best solution of the chosen answer. None if no finished solution has an answer."""
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
    """Deterministic if proposer and scorer are: each sample has a seed derived from the config, the prefix
    and its number. `tell` is called after each round and may raise to end the search. `usual`: the
    aggregate for configs without one.

    All finished solutions vote, including those pruned from the beam. Truncated solutions do not."""
    growing = Expansion(problem, config, config.aggregate or usual, proposer, scorer, tell)
    METHODS[config.method](growing)
    tree = growing.tree
    finished = tree.finished()
    if config.method == "revisions" and config.two_stage:
        finished = best_of_chains(finished, classes, config.answer_selection)
    draws = config.method == "best_of_n" or config.vote_by == "samples"
    voted = count_votes(finished, classes, pick=config.answer_selection, draws=draws)
    chosen = tree.nodes[voted[0].solutions[0]] if voted else None
    return SearchResult(tree, growing.costs, voted, chosen, growing.aggregate)
