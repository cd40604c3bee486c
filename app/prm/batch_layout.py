"""How the rows of a micro-batch lie side by side for one pass of the body.

    padded   one row a line, padded to the longest: what every model can do
    packed   rows end to end in one line, each seeing only itself
    tree     rows end to end, but what several begin with is there once: a prefix tree, written
             down depth first, each token seeing its ancestors, positions by depth

In the last two, token k is seen from token q exactly when k <= q < until[k]: `until[k]` is where
k's row, or its branch of the tree, ends. The same as branches: what a row adds to the line sees the
path above it and itself. The answer does not depend on the layout (a test
proves it, loss and gradient); only the tokens computed do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from app.prm.examples import TokenRow, iter_micro_batches

LAYOUTS = ("padded", "packed", "tree")
NEW_LINE = 1024
"""Tokens a line should have before the next one is begun where rows have little in common."""


@dataclass(frozen=True)
class Branch:
    """Places start to stop of a line, and the path they see: its places, from the first token of
    the row to stop - 1. None where that is start to stop itself."""

    start: int
    stop: int
    path: Tensor | None

    @cached_property
    def mask(self) -> Tensor | None:
        """[stop - start, len(path)], true where a place of the branch sees one of its path."""
        if self.path is None:
            return None
        rows, columns = self.stop - self.start, len(self.path)
        everything = torch.ones(rows, columns, dtype=torch.bool, device=self.path.device)
        return everything.tril(columns - rows)


@dataclass(frozen=True)
class Batch:
    """ids, positions: [lines, length]. mask: [lines, length], 1 for a token (padded) or None.
    until: [length] (packed, tree) or None. slots: [tokens of all rows], the place of each row's
    tokens, row after row, among the lines * length places; a shared token has many."""

    rows: list[TokenRow]
    ids: Tensor
    positions: Tensor
    mask: Tensor | None
    until: Tensor | None
    slots: Tensor
    branches: tuple[Branch, ...] = ()

    @property
    def computed_tokens(self) -> int:
        """Tokens the body computes, padding included."""
        return self.ids.numel()

    def token_slots(self, wanted: Sequence[Sequence[int] | None]) -> Tensor:
        """Of the tokens `wanted` of each row (positions within the row), row after row: their
        places among the lines * length. [sum of len(wanted)]"""
        found, start = [], 0
        for row, inside in zip(self.rows, wanted, strict=True):
            found += [start + at for at in inside or ()]
            start += len(row.ids)
        return self.slots[torch.tensor(found, dtype=torch.long, device=self.slots.device)]

    def step_end_slots(self) -> Tensor:
        return self.token_slots([row.ends for row in self.rows])

    def targets(self) -> Tensor:
        """Class index of each step end, -100 for none. [step ends]"""
        said = [target for row in self.rows for target in row.targets]
        return torch.tensor(said, dtype=torch.long, device=self.ids.device)

    def point_values(self) -> Tensor:
        """What is learned at the rows' points. [points]"""
        said = [value for row in self.rows for value in row.values or ()]
        return torch.tensor(said, dtype=torch.float32, device=self.ids.device)

    def to(self, device: torch.device) -> Batch:
        branches = tuple(
            Branch(each.start, each.stop, None if each.path is None else each.path.to(device))
            for each in self.branches
        )
        mask = None if self.mask is None else self.mask.to(device)
        until = None if self.until is None else self.until.to(device)
        ids, positions, slots = self.ids.to(device), self.positions.to(device), self.slots.to(device)
        return Batch(self.rows, ids, positions, mask, until, slots, branches)


def iter_batches(rows: Sequence[TokenRow], how: str, tokens: int, pad: int) -> Iterator[Batch]:
    """All `rows` in micro-batches of about `tokens` computed tokens; a longer row goes alone."""
    if how == "padded":
        for group in iter_micro_batches(rows, tokens):
            yield build_padded_batch(group, pad)
        return
    if how == "tree":
        ordered = sorted(rows, key=lambda row: row.ids)
    elif how == "packed":
        ordered = sorted(rows, key=lambda row: len(row.ids))
    else:
        raise ValueError(f"unknown layout {how!r}; there are: {', '.join(LAYOUTS)}")
    for group in _lines(ordered, how == "tree", tokens):
        yield build_line_batch(group, share=how == "tree")


def _lines(rows: Sequence[TokenRow], share: bool, tokens: int) -> Iterator[list[TokenRow]]:
    """Cut where the line is full, or where rows have little in common and it is long enough:
    a mask over tokens that never see each other is work for nothing."""
    line: list[TokenRow] = []
    length = 0
    for row in rows:
        common = common_prefix_length(line[-1].ids, row.ids) if line and share else 0
        new = len(row.ids) - common
        apart = common * 4 < len(row.ids)
        if line and (length + new > tokens or (apart and length >= min(NEW_LINE, tokens))):
            yield line
            line, length, new = [], 0, len(row.ids)
        line.append(row)
        length += new
    if line:
        yield line


def common_prefix_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens both begin with."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def build_padded_batch(rows: Sequence[TokenRow], pad: int) -> Batch:
    length = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), length), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        mask[index, : len(row.ids)] = 1
    positions = torch.arange(length).expand(len(rows), length)
    slots = [torch.arange(len(row.ids)) + index * length for index, row in enumerate(rows)]
    return Batch(list(rows), ids, positions, mask, None, torch.cat(slots))


def build_line_batch(rows: Sequence[TokenRow], share: bool) -> Batch:
    """One line. With `share`, rows in sorted order make a prefix tree, depth first: a row takes
    from the one before it what both begin with, and the rest of that one's branch ends there."""
    ids: list[int] = []
    positions: list[int] = []
    until: list[int] = []
    slots: list[int] = []
    path: list[int] = []
    before: list[int] = []
    branches: list[Branch] = []
    for row in rows:
        common = common_prefix_length(before, row.ids) if share else 0
        for place in path[common:]:
            until[place] = len(ids)
        path = path[:common]
        start, stop = len(ids), len(ids) + len(row.ids) - common
        path += range(start, stop)
        if stop > start:
            branches.append(Branch(start, stop, torch.tensor(path) if common else None))
        ids += row.ids[common:]
        positions += range(common, len(row.ids))
        until += [0] * (len(row.ids) - common)
        slots += path
        before = row.ids
    for place in path:
        until[place] = len(ids)
    made = [torch.tensor(part, dtype=torch.long) for part in (ids, positions, until, slots)]
    return Batch(list(rows), made[0][None], made[1][None], None, made[2], made[3], tuple(branches))


def build_attention_mask(until: Tensor) -> Tensor:
    """[1, 1, length, length], true where the row's token sees the column's: k <= q < until[k]."""
    at = torch.arange(len(until), device=until.device)
    return ((at[None, :] <= at[:, None]) & (at[:, None] < until[None, :]))[None, None]


def count_distinct_tokens(rows: Sequence[TokenRow]) -> int:
    """Tokens of the prefix tree of all `rows`: the least anyone can compute."""
    count = 0
    before: list[int] = []
    for row in sorted(rows, key=lambda row: row.ids):
        count += len(row.ids) - common_prefix_length(before, row.ids)
        before = row.ids
    return count
