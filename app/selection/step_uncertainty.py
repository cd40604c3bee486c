"""Which step of a solution a label would be about: measures of steps for the strategies that go by them.
Pure, of one solution's step probabilities alone; strategy.py orders solutions by them.

A labeler judges in order and stops at the first error, so a label gets to a step only if nothing before
it is false: each measure counts a step by the odds of that, the product of the steps before. All take
`right`, by step how right the selector holds it, in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
StepCorrectness = Mapping[int, Sequence[float]]
"""By solution id, how right the selector holds each step."""
StepTexts = Mapping[int, Sequence[str]]
"""By solution id, what its steps say."""


def step_correctness(step_probs: Sequence[float], neutral: bool = True) -> list[float]:
    """`right` from p(negative), p(neutral), p(positive) of each step in turn. neutral: it counts as right.

    >>> step_correctness([0.25, 0.5, 0.25]), step_correctness([0.25, 0.5, 0.25], neutral=False)
    ([0.75], [0.25])
    """
    if neutral:
        return [1 - wrong for wrong in step_probs[::3]]
    return list(step_probs[2::3])


def most_uncertain_step(right: Sequence[float]) -> tuple[float, int]:
    """How uncertain the selector is at the step where it is least certain, and which step that is:
    p (1 - p), the variance of the label, times the odds of getting there; at most 0.25. This is
    uncertainty sampling (Lewis and Gale 1994, "A sequential algorithm for training text classifiers")
    with the step as what is labeled. The first of equals.

    >>> most_uncertain_step([0.5, 0.5]), most_uncertain_step([1.0, 0.9, 0.5, 0.5])
    ((0.25, 0), (0.225, 2))
    """
    reached, most, where = 1.0, 0.0, 0
    for position, p in enumerate(right):
        doubt = reached * p * (1 - p)
        if doubt > most:
            most, where = doubt, position
        reached *= p
    return most, where


def suspected_step(right: Sequence[float]) -> tuple[float, int]:
    """The odds that the first error is at the step where that is likeliest, and which step that is.
    The first of equals.

    >>> suspected_step([0.9, 0.5, 0.1])
    (0.45, 1)
    """
    reached, most, where = 1.0, -1.0, 0
    for position, p in enumerate(right):
        odds = reached * (1 - p)
        if odds > most:
            most, where = odds, position
        reached *= p
    return most, where


MEASURES: dict[str, Callable[[Sequence[float]], tuple[float, int]]] = {
    "convincing_wrong_by_step": suspected_step,
    "doubted_right": suspected_step,
    "uncertain_step": most_uncertain_step,
}
"""By strategy. Two go by score and ask only which step; uncertain_step goes by the measure too."""


def alternate_steps(ordered: Iterable[tuple[T, Hashable]]) -> Iterator[T]:
    """Of (what, its step) in order, the first of every step, then the second of every step, and so on:
    a selector errs by the same step many times over, and one label may be enough to put it right.
    Reads no further than it is read.

    >>> list(alternate_steps([(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")]))
    [1, 3, 2, 5, 4]
    """
    while ordered:
        seen, later = set[Hashable](), []
        for what, step in ordered:
            if step in seen:
                later.append((what, step))
            else:
                seen.add(step)
                yield what
        ordered = later
