"""PURE: the methods, as their papers have them. Each grows the tree of a `Growing`.

Beam search and lookahead: Snell et al. 2024, section 5.2. DVTS: Beeching et al. 2024. Where the
papers leave something open, and what published code gets wrong, docs/search.md says what is done."""

from __future__ import annotations

from app.search.expansion import Expansion
from app.search.revisions import revision_chains
from app.search.tree import Node

TOGETHER = 16
"""Samples asked for between two looks at whether anybody still wants them."""


def best_of_n_search(search: Expansion) -> None:
    """n independent samples. Equal ones are one node that was drawn more than once."""
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
    """n first steps; then again and again: the best n / M prefixes are kept, each continued M times.
    A finished solution that is among the best keeps its place and is not continued."""
    config = search.config
    ahead = config.lookahead if config.method == "lookahead" else 0
    live: list[Node] = [search.tree.root]
    held: list[Node] = []
    for search.round in range(1, config.rounds + 1):
        room = config.n - config.width * len(held)
        children = search.expand(
            [(node, count, 0) for node, count in zip(live, _split_evenly(room, len(live)), strict=True)]
        )
        search.score_lookahead(children, ahead)
        pool = {node.id: node for node in (*held, *children)}
        selected = search.best(list(pool.values()), config.n // config.width)
        held = [node for node in selected if node.finished]
        live = [node for node in selected if not node.finished]
        search.on_round(search)
        if not live:
            return


def _split_evenly(total: int, among: int) -> list[int]:
    """n / M kept prefixes get M each. Where fewer distinct ones were left, they share what there is."""
    return [total // among + (place < total % among) for place in range(among)]


def dvts_search(search: Expansion) -> None:
    """n / M subtrees that never meet: in each, M continuations of its one prefix, of which the best
    goes on."""
    config = search.config
    live = dict.fromkeys(range(config.n // config.width), search.tree.root)
    for search.round in range(1, config.rounds + 1):
        children = search.expand([(node, config.width, subtree) for subtree, node in live.items()])
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
