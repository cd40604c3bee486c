"""Training examples, their order over the optimizer steps, and micro-batches by length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CLASSES = (-1, 0, 1)
"""Class index 0, 1, 2: negative, neutral, positive."""


@dataclass(frozen=True)
class Example:
    """A chain of steps with a target for each: -1, 0, 1, or None without a label. Raises ValueError if the
    lengths differ."""

    problem: str
    steps: list[str]
    targets: list[int | None]
    split: str = "train"
    """train, or validation: evaluated, never trained on."""
    values: list[float | None] | None = None
    """Soft labels: a value in [0, 1] for each step, or None without a label."""

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.targets):
            raise ValueError(f"{len(self.steps)} steps but {len(self.targets)} targets")
        if self.values is not None and len(self.values) != len(self.steps):
            raise ValueError(f"{len(self.steps)} steps but {len(self.values)} values")


@dataclass(frozen=True)
class TokenRow:
    """An example as tokens. `ends[i]` is the last token of step i, `targets[i]` its class index or -100.
    Objectives with one output (objectives.py) learn `values[i]` at token `points[i]` instead."""

    ids: list[int]
    ends: list[int]
    targets: list[int]
    start: int = 0
    """The first token of the steps."""
    points: list[int] | None = None
    values: list[float] | None = None

    @property
    def labeled(self) -> int:
        if self.points is not None:
            return len(self.points)
        return sum(target >= 0 for target in self.targets)


def iter_micro_batches(rows: Sequence[TokenRow], tokens: int) -> Iterator[list[TokenRow]]:
    """`rows` sorted by length, in micro-batches whose padded size (longest x count) is at most `tokens`. A
    longer row has its own."""
    batch: list[TokenRow] = []
    for row in sorted(rows, key=lambda row: len(row.ids)):
        if batch and len(row.ids) * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def shuffle_groups(groups: Sequence[Sequence[int]], epoch: int, seed: int) -> list[int]:
    """The row indices in the order of an epoch: the groups in a seeded shuffle, the same after a resume."""
    shuffled = list(groups)
    random.Random(f"{seed}/{epoch}").shuffle(shuffled)  # noqa: S311  # not for secrets
    return [index for group in shuffled for index in group]


def group_rows(rows: Sequence[TokenRow], group_by: str) -> list[list[int]]:
    """Groups of row indices that share an optimizer step, so that their common prefix is computed once.
    path: rows with the same problem and first step (alternatives of one path); problem: all rows of a
    problem; none: each row by itself."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, row in enumerate(rows):
        until = row.start if group_by == "problem" else row.ends[0] + 1
        key = (index,) if group_by == "none" else tuple(row.ids[:until])
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def iter_optimizer_steps(
    groups: Sequence[Sequence[int]], per_step: int, steps: int, seed: int
) -> Iterator[list[int]]:
    """The row indices of each of `steps` optimizer steps. An epoch may end within a step: every row is used
    once before any is used twice."""
    queue: list[int] = []
    epoch = 0
    for _ in range(steps):
        while len(queue) < per_step:
            queue += shuffle_groups(groups, epoch, seed)
            epoch += 1
        yield queue[:per_step]
        queue = queue[per_step:]
