"""Examples, and how they are grouped: a fixed set per optimiser step, cut into
length-bucketed micro-batches that the gradient does not depend on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CLASSES = (-1, 0, 1)
"""Class index 0, 1, 2: negative, neutral, positive."""


@dataclass(frozen=True)
class Example:
    """A chain of steps with a target for each: -1, 0, 1, or None where it carries no label."""

    problem: str
    steps: list[str]
    targets: list[int | None]
    split: str = "train"
    """train, or validation: looked at, never learned from."""

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.targets):
            raise ValueError(f"{len(self.steps)} steps but {len(self.targets)} targets")


@dataclass(frozen=True)
class Row:
    """An example as tokens: `ends[i]` is where step i is judged, `targets[i]` its class index or -100."""

    ids: list[int]
    ends: list[int]
    targets: list[int]

    @property
    def labeled(self) -> int:
        return sum(target >= 0 for target in self.targets)


def micro_batches(rows: Sequence[Row], tokens: int) -> Iterator[list[Row]]:
    """`rows` sorted by length and cut so that padded size (longest x count) stays within
    `tokens`; a single row over it goes alone."""
    batch: list[Row] = []
    for row in sorted(rows, key=lambda row: len(row.ids)):
        if batch and len(row.ids) * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def order(count: int, epoch: int, seed: int) -> list[int]:
    """The order of `count` rows in an epoch: a seeded shuffle, the same on every resume."""
    indices = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(indices)  # noqa: S311  # not for secrets
    return indices


def steps_of(count: int, per_step: int, steps: int, seed: int) -> Iterator[list[int]]:
    """The row indices of each of `steps` optimiser steps, epoch after epoch without remainder
    between them: every row is seen once before any is seen twice."""
    queue: list[int] = []
    epoch = 0
    for _ in range(steps):
        while len(queue) < per_step:
            queue += order(count, epoch, seed)
            epoch += 1
        yield queue[:per_step]
        queue = queue[per_step:]
