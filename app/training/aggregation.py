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

from app.training.dawid_skene import DawidSkeneFit, StepRatings, fit
from app.training.label_tree import StepNode, majority_rating

AGGREGATIONS = ("majority", "dawid_skene")
WORDS = {
    "majority": "the majority's rating",
    "dawid_skene": "the likeliest rating by how reliable each labeler proves to be (Dawid-Skene)",
}


Rule = Callable[[StepRatings], int | None]


def majority_rule(said: StepRatings) -> int | None:
    return majority_rating(rating for _, rating in said)


def fit_dawid_skene_rule(steps: Iterable[StepNode]) -> Rule:
    """The rule, with the labelers' reliability learned from `steps`."""
    found = fit(Counter((node.ratings_by_labeler, node.adjudicated) for node in steps))
    return cache(lambda said: most_likely_rating(found, said))


def most_likely_rating(found: DawidSkeneFit, said: StepRatings) -> int | None:
    ratings = {rating for _, rating in said}
    if len(ratings) < 2:
        return next(iter(ratings), None)
    rating, chance = max(found.posterior(said).items(), key=lambda each: each[1])
    return rating if chance > 0.5 else None
