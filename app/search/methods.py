"""PURE: the search methods. Each grows the tree of an `Expansion`.

Beam search and lookahead: Snell et al. 2024, section 5.2. DVTS: Beeching et al. 2024. docs/search.md lists
the details that the papers leave open."""

from __future__ import annotations

from app.search.expansion import Expansion
from app.search.revisions import revision_chains
from app.search.tree import Node

TOGETHER = 16
"""Samples per request round, between two checks for cancellation."""


def best_of_n_search(search: Expansion) -> None:
    """n independent samples. Equal samples share one node."""
    left = search.config.n
    while left:
        count = min(left, TOGETHER)
        children = search.expand([(search.tree.root, count, 0)], steps=None)
        search.score_nodes([node for node in children if node.score is None])
        for node in children:
            search.propagate_step_scores(node)
        left -= count
        search.on_round(search)


def beam_search(search: Expansion) -> None:
    """Sample n first steps. Then each round selects the best n / M prefixes and continues each M times. A
    finished solution among the best keeps its place and is not continued."""
    config = search.config
    ahead = config.lookahead if config.method == "lookahead" else 0
    live: list[Node] = [search.tree.root]
    held: list[Node] = []
    for search.round in range(1, config.rounds + 1):
        room = config.n - config.beam_width * len(held)
        children = search.expand(
            [(node, count, 0) for node, count in zip(live, _split_evenly(room, len(live)), strict=True)]
        )
        search.score_lookahead(children, ahead)
        pool = {node.id: node for node in (*held, *children)}
        selected = search.best(list(pool.values()), config.n // config.beam_width)
        held = [node for node in selected if node.finished]
        live = [node for node in selected if not node.finished]
        search.on_round(search)
        if not live:
            return


def _split_evenly(total: int, among: int) -> list[int]:
    """n / M selected prefixes get M samples each. If fewer distinct prefixes remain, they share them."""
    return [total // among + (place < total % among) for place in range(among)]


def dvts_search(search: Expansion) -> None:
    """n / M separate subtrees. Each samples M continuations of its prefix and continues the best."""
    config = search.config
    live = dict.fromkeys(range(config.n // config.beam_width), search.tree.root)
    for search.round in range(1, config.rounds + 1):
        children = search.expand([(node, config.beam_width, subtree) for subtree, node in live.items()])
        search.score_nodes(children)
        for subtree in list(live):
            candidates = [node for node in children if node.subtree == subtree]
            best = search.best(candidates, 1)
            if not best or best[0].finished:
                del live[subtree]
            else:
                live[subtree] = best[0]
        search.on_round(search)
        if not live:
            return


METHODS = {
    "best_of_n": best_of_n_search,
    "beam": beam_search,
    "lookahead": beam_search,
    "dvts": dvts_search,
    "revisions": revision_chains,
}
