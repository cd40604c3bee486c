"""How several labelers' ratings of a step become one: the choice has a name, and a snapshot keeps it.

majority      what more than half of them said
dawid_skene   what is likelier than everything else together, by how reliable each labeler proves to
              be over all steps of the snapshot (dawid_skene.py)

Under either name the step is dropped, and counted as dropped, where there is no such rating; where
all agree, that is the rating; and an adjudicator's rating never gets here (label_tree.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

from app.training.dawid_skene import Fit, Said, fit
from app.training.label_tree import Node, majority

AGGREGATIONS = ("majority", "dawid_skene")
WORDS = {
    "majority": "the majority's rating",
    "dawid_skene": "the likeliest rating by how reliable each labeler proves to be (Dawid-Skene)",
}


Rule = Callable[[Said], int | None]


def by_majority(said: Said) -> int | None:
    return majority(rating for _, rating in said)


def by_dawid_skene(steps: Iterable[Node]) -> Rule:
    """The rule, with the labelers' reliability learned from `steps`."""
    found = fit(Counter((node.heard, node.adjudicated) for node in steps))
    return cache(lambda said: likeliest(found, said))


def likeliest(found: Fit, said: Said) -> int | None:
    ratings = {rating for _, rating in said}
    if len(ratings) < 2:
        return next(iter(ratings), None)
    rating, chance = max(found.chances(said).items(), key=lambda each: each[1])
    return rating if chance > 0.5 else None
