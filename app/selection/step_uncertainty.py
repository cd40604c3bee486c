"""PURE: which step of a solution a label would be about, from its step probabilities alone.

A labeler rates in order and stops at the first error, so a label reaches a step only if every step
before it is correct. Each measure therefore multiplies by the probability of reaching the step: the
product of p(correct) of the steps before. All take `correctness`: p(correct) by step, in [0, 1]."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
StepCorrectness = Mapping[int, Sequence[float]]
"""By solution id, p(correct) of each step."""
StepTexts = Mapping[int, Sequence[str]]
"""By solution id, the text of each step."""


def step_correctness(step_probs: Sequence[float], neutral: bool = True) -> list[float]:
    """p(correct) by step from flat step probabilities: p(negative), p(neutral), p(positive) of each
    step in turn. neutral: a neutral step counts as correct.

    >>> step_correctness([0.25, 0.5, 0.25]), step_correctness([0.25, 0.5, 0.25], neutral=False)
    ([0.75], [0.25])
    """
    if neutral:
        return [1 - negative for negative in step_probs[::3]]
    return list(step_probs[2::3])


def most_uncertain_step(correctness: Sequence[float]) -> tuple[float, int]:
    """The uncertainty of the least certain step, and its 0-based position: p (1 - p), the variance of
    the label, times the probability of reaching the step; at most 0.25. Uncertainty sampling (Lewis
    and Gale 1994, "A sequential algorithm for training text classifiers") with the step as the item
    that is labeled. Of equals, the first.

    >>> most_uncertain_step([0.5, 0.5]), most_uncertain_step([1.0, 0.9, 0.5, 0.5])
    ((0.25, 0), (0.225, 2))
    """
    reached, highest, where = 1.0, 0.0, 0
    for position, p in enumerate(correctness):
        uncertainty = reached * p * (1 - p)
        if uncertainty > highest:
            highest, where = uncertainty, position
        reached *= p
    return highest, where


def suspected_step(correctness: Sequence[float]) -> tuple[float, int]:
    """The probability that the first error is at its most likely step, and the 0-based position of
    that step. Of equals, the first.

    >>> suspected_step([0.9, 0.5, 0.1])
    (0.45, 1)
    """
    reached, highest, where = 1.0, -1.0, 0
    for position, p in enumerate(correctness):
        probability = reached * (1 - p)
        if probability > highest:
            highest, where = probability, position
        reached *= p
    return highest, where


def alternate_steps(ranked: Iterable[tuple[T, Hashable]]) -> Iterator[T]:
    """From (thing, its step) in order: the first of every step, then the second of every step, and so
    on. A selector repeats its errors at the same step, and one label may be enough to correct it.
    Reads `ranked` no further than the result is read.

    >>> list(alternate_steps([(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")]))
    [1, 3, 2, 5, 4]
    """
    while ranked:
        seen, later = set[Hashable](), []
        for thing, step in ranked:
            if step in seen:
                later.append((thing, step))
            else:
                seen.add(step)
                yield thing
        ranked = later
