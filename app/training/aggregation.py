"""How the ratings of several labelers become one rating of a step. A snapshot's definition names the method.

Under every method, a step without a winning rating is dropped and counted, a unanimous rating wins, and an
adjudicator's rating takes precedence before the method is asked (label_tree.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from app.training.dawid_skene import DawidSkeneFit, StepRatings, fit
from app.training.label_tree import StepNode, majority_rating

Rule = Callable[[StepRatings], int | None]
"""(labeler, rating) pairs of a step -> its rating, or None without a winner."""


class Aggregation(Protocol):
    id: str
    label: str
    description: str
    estimates_reliability: bool
    """Whether the labelers' reliability is estimated from all labels first, which may take a while."""
    undecided: str
    """Describes a step without a winning rating: "Dropped 3 steps ..."."""

    def build_rule(self, nodes: Iterable[StepNode]) -> Rule:
        """The rule for the steps of a snapshot. `nodes` are its rated steps; a rule that estimates
        nothing from them does not iterate over them."""


class Majority:
    id = "majority"
    label = "Majority vote"
    description = "the rating of more than half of the labelers"
    estimates_reliability = False
    undecided = "without a majority"

    def build_rule(self, nodes: Iterable[StepNode]) -> Rule:
        return majority_rule


class DawidSkene:
    """Dawid & Skene 1979 (dawid_skene.py)."""

    id = "dawid_skene"
    label = "Dawid–Skene (weighted by reliability)"
    description = "the most probable rating, given each labeler's estimated reliability (Dawid–Skene)"
    estimates_reliability = True
    undecided = "without a rating of probability above 0.5"

    def build_rule(self, nodes: Iterable[StepNode]) -> Rule:
        labelers = fit(Counter((node.ratings_by_labeler, node.adjudicated) for node in nodes))
        return cache(lambda ratings: most_likely_rating(labelers, ratings))


AGGREGATIONS: dict[str, Aggregation] = {method.id: method for method in (Majority(), DawidSkene())}


def get_aggregation(definition: Mapping[str, Any]) -> Aggregation:
    """The aggregation of a stored snapshot definition."""
    return AGGREGATIONS[definition.get("aggregation", Majority.id)]


def majority_rule(step_ratings: StepRatings) -> int | None:
    return majority_rating(rating for _, rating in step_ratings)


def most_likely_rating(labelers: DawidSkeneFit, step_ratings: StepRatings) -> int | None:
    """The rating with a posterior above 0.5; a unanimous rating in any case; None without either."""
    ratings = {rating for _, rating in step_ratings}
    if len(ratings) < 2:
        return next(iter(ratings), None)
    rating, probability = max(labelers.posterior(step_ratings).items(), key=lambda item: item[1])
    return rating if probability > 0.5 else None
