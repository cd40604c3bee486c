"""The people of the scripted crew, what they see, and what came of it (bench/crew.py)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Eyes:
    notices: float
    """The first error, where it is of ordinary hardness."""
    alarm: float
    """Calls a right step wrong."""
    later: float
    """Having missed the first error, calls one of the steps behind it wrong."""
    neutral: float
    """Says neutral where most would say positive."""
    speed: float
    """Tasks in the time in which a careful one does one."""


KINDS = {
    "careful": Eyes(0.90, 0.01, 0.50, 0.05, 1.0),
    "hasty": Eyes(0.60, 0.03, 0.20, 0.15, 2.0),
    "biased": Eyes(0.35, 0.005, 0.05, 0.02, 1.5),
    "random": Eyes(0.0, 0.0, 0.0, 0.0, 3.0),
}
ADJUDICATOR = Eyes(0.97, 0.005, 0.80, 0.05, 1.0)
CREW = {"careful": 3, "hasty": 3, "biased": 2, "random": 2}


@dataclass(frozen=True)
class Plan:
    screening: int = 20
    gold: int = 60
    regular: int = 400
    overlap: int = 3
    mark: float = 0.4
    gold_rate: float = 0.15


@dataclass
class Person:
    id: int
    name: str
    kind: str
    eyes: Eyes
    screened: str | None = None
    right: dict[str, bool] = field(default_factory=dict)
    """Solution -> whether their own first error is the true one, on regular tasks."""
    marked: list[bool] = field(default_factory=list)


@dataclass
class Truth:
    steps: list[str]
    first_error: int
    hard: float


@dataclass
class Outcome:
    people: list[Person]
    decisions: dict[str, int]
    """Of the adjudicator, until then."""
    exact: dict[str, dict[str, float]]
    """Way -> solution -> 1 where the first error of its final labels is the true one."""
    steps: dict[str, dict[str, float]]
    """Way -> solution -> share of its steps, up to the first error, that are labeled as they are."""
    undecided: dict[str, dict[str, float]]


def hardness(seed: int, name: str) -> float:
    """Of a solution's first error, in logits, the same for everyone."""
    return random.Random(f"{seed} {name}").gauss(0, 1)  # noqa: S311


def ratings(eyes: Eyes, truth: Truth, chance: random.Random) -> list[int]:
    """What these eyes see of a solution, up to their first negative."""
    labels: list[int] = []
    for at in range(len(truth.steps)):
        if not eyes.notices:
            wrong, neutral = chance.random() < 1 / 3, 0.5
        else:
            wrong, neutral = chance.random() < _sees(eyes, truth, at), eyes.neutral
        labels.append(-1 if wrong else 0 if chance.random() < neutral else 1)
        if wrong:
            break
    return labels


def _sees(eyes: Eyes, truth: Truth, at: int) -> float:
    """Probability of calling step `at` wrong, with every step before it called right."""
    if truth.first_error < 0 or at < truth.first_error:
        return eyes.alarm
    if at > truth.first_error:
        return eyes.later
    return 1 / (1 + math.exp(truth.hard - math.log(eyes.notices / (1 - eyes.notices))))


def first_of(labels: Sequence[int | None], steps: int) -> int | None:
    """-1: none; None: cannot be said, a step before it has no label."""
    for at in range(steps):
        rating = labels[at] if at < len(labels) else None
        if rating is None:
            return None
        if rating == -1:
            return at
    return -1
