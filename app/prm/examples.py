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
    values: list[float | None] | None = None
    """Soft labels: a value in [0, 1] for each step, or None where it carries none."""

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.targets):
            raise ValueError(f"{len(self.steps)} steps but {len(self.targets)} targets")
        if self.values is not None and len(self.values) != len(self.steps):
            raise ValueError(f"{len(self.steps)} steps but {len(self.values)} values")


@dataclass(frozen=True)
class TokenRow:
    """An example as tokens: `ends[i]` is where step i is judged, `targets[i]` its class index or -100.
    For objectives with one output (objectives.py): it learns `values[i]` at token `points[i]`."""

    ids: list[int]
    ends: list[int]
    targets: list[int]
    start: int = 0
    """Where the problem ends and the steps begin."""
    points: list[int] | None = None
    values: list[float] | None = None

    @property
    def labeled(self) -> int:
        if self.points is not None:
            return len(self.points)
        return sum(target >= 0 for target in self.targets)


def iter_micro_batches(rows: Sequence[TokenRow], tokens: int) -> Iterator[list[TokenRow]]:
    """`rows` sorted by length and cut so that padded size (longest x count) stays within
    `tokens`; a single row over it goes alone."""
    batch: list[TokenRow] = []
    for row in sorted(rows, key=lambda row: len(row.ids)):
        if batch and len(row.ids) * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def shuffle_groups(groups: Sequence[Sequence[int]], epoch: int, seed: int) -> list[int]:
    """The rows in the order of an epoch: groups in a seeded shuffle, the same on every resume."""
    mixed = list(groups)
    random.Random(f"{seed}/{epoch}").shuffle(mixed)  # noqa: S311  # not for secrets
    return [index for group in mixed for index in group]


def group_rows(rows: Sequence[TokenRow], together: str) -> list[list[int]]:
    """Indices of rows that are learned in the same optimiser step, so that what they begin with is
    computed once. "walk": those that share problem and first step (alternatives of one walk);
    "problem": all of a problem; "none": each row by itself."""
    found: dict[tuple[int, ...], list[int]] = {}
    for index, row in enumerate(rows):
        until = row.start if together == "problem" else row.ends[0] + 1
        key = (index,) if together == "none" else tuple(row.ids[:until])
        found.setdefault(key, []).append(index)
    return list(found.values())


def iter_optimizer_steps(
    groups: Sequence[Sequence[int]], per_step: int, steps: int, seed: int
) -> Iterator[list[int]]:
    """The row indices of each of `steps` optimiser steps, epoch after epoch without remainder
    between them: every row is seen once before any is seen twice."""
    queue: list[int] = []
    epoch = 0
    for _ in range(steps):
        while len(queue) < per_step:
            queue += shuffle_groups(groups, epoch, seed)
            epoch += 1
        yield queue[:per_step]
        queue = queue[per_step:]
