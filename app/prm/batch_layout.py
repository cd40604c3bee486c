"""How the rows of a micro-batch are arranged for one pass of the body.

    padded   one row per line, padded to the longest; every model can compute it
    packed   rows end to end in one line, each attending only to itself
    tree     rows end to end, with common prefixes stored once: a prefix tree in depth-first order, each
             token attending to its ancestors, position IDs by depth

In the last two, token q attends to token k exactly if k <= q < until[k], where `until[k]` is the end of k's
row or of its branch of the tree. The same as branches: the tokens that a row adds to the line attend to the
path above them and to themselves. Outputs, loss and gradient do not depend on the layout; only the number
of computed tokens does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from app.prm.examples import TokenRow, iter_micro_batches

LAYOUTS = ("padded", "packed", "tree")
NEW_LINE = 1024
"""Tokens of a line after which a row with a short common prefix starts the next line."""


@dataclass(frozen=True)
class Branch:
    """Slots `start` to `stop` of a line, and the slots they attend to: `path`, from the first token of the
    row to stop - 1. None if the path is start to stop itself."""

    start: int
    stop: int
    path: Tensor | None

    @cached_property
    def mask(self) -> Tensor | None:
        """[stop - start, len(path)], true where a slot of the branch attends to a slot of its path."""
        if self.path is None:
            return None
        rows, columns = self.stop - self.start, len(self.path)
        everything = torch.ones(rows, columns, dtype=torch.bool, device=self.path.device)
        return everything.tril(columns - rows)


@dataclass(frozen=True)
class Batch:
    """ids, positions: [lines, length]. mask: [lines, length], 1 for a token (padded), or None.
    until: [length] (packed, tree), or None. slots: [tokens of all rows], the index of each row's tokens, row
    by row, among the lines * length slots; rows share the slots of their common prefix."""

    rows: list[TokenRow]
    ids: Tensor
    positions: Tensor
    mask: Tensor | None
    until: Tensor | None
    slots: Tensor
    branches: tuple[Branch, ...] = ()

    @property
    def computed_tokens(self) -> int:
        """Tokens that the body computes, padding included."""
        return self.ids.numel()

    def token_slots(self, positions: Sequence[Sequence[int] | None]) -> Tensor:
        """The slots of the tokens at `positions` within each row, row by row. [number of positions]"""
        indices, start = [], 0
        for row, row_positions in zip(self.rows, positions, strict=True):
            indices += [start + position for position in row_positions or ()]
            start += len(row.ids)
        return self.slots[torch.tensor(indices, dtype=torch.long, device=self.slots.device)]

    def step_end_slots(self) -> Tensor:
        return self.token_slots([row.ends for row in self.rows])

    def targets(self) -> Tensor:
        """Class index of each step end, -100 without a label. [step ends]"""
        targets = [target for row in self.rows for target in row.targets]
        return torch.tensor(targets, dtype=torch.long, device=self.ids.device)

    def point_values(self) -> Tensor:
        """Labels of the rows' points. [points]"""
        values = [value for row in self.rows for value in row.values or ()]
        return torch.tensor(values, dtype=torch.float32, device=self.ids.device)

    def to(self, device: torch.device) -> Batch:
        branches = tuple(
            Branch(branch.start, branch.stop, None if branch.path is None else branch.path.to(device))
            for branch in self.branches
        )
        mask = None if self.mask is None else self.mask.to(device)
        until = None if self.until is None else self.until.to(device)
        ids, positions, slots = self.ids.to(device), self.positions.to(device), self.slots.to(device)
        return Batch(self.rows, ids, positions, mask, until, slots, branches)


def iter_batches(rows: Sequence[TokenRow], layout: str, tokens: int, pad: int) -> Iterator[Batch]:
    """All `rows` in micro-batches of about `tokens` computed tokens; a longer row has its own. Raises
    ValueError for an unknown layout."""
    if layout == "padded":
        for group in iter_micro_batches(rows, tokens):
            yield build_padded_batch(group, pad)
        return
    if layout == "tree":
        ordered = sorted(rows, key=lambda row: row.ids)
    elif layout == "packed":
        ordered = sorted(rows, key=lambda row: len(row.ids))
    else:
        raise ValueError(f"unknown layout {layout!r}; valid layouts: {', '.join(LAYOUTS)}")
    for group in _iter_lines(ordered, layout == "tree", tokens):
        yield build_line_batch(group, share_prefixes=layout == "tree")


def _iter_lines(rows: Sequence[TokenRow], share_prefixes: bool, tokens: int) -> Iterator[list[TokenRow]]:
    """Start a new line when the line is full, or when it is long enough and the next row shares little with
    it: attention between rows that never attend to each other would be wasted."""
    line: list[TokenRow] = []
    length = 0
    for row in rows:
        common = common_prefix_length(line[-1].ids, row.ids) if line and share_prefixes else 0
        new = len(row.ids) - common
        shares_little = common * 4 < len(row.ids)
        if line and (length + new > tokens or (shares_little and length >= min(NEW_LINE, tokens))):
            yield line
            line, length, new = [], 0, len(row.ids)
        line.append(row)
        length += new
    if line:
        yield line


def common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Number of tokens that both begin with, by binary search."""
    most = min(len(first), len(second))
    if first[:most] == second[:most]:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
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


def build_line_batch(rows: Sequence[TokenRow], share_prefixes: bool) -> Batch:
    """One line. With `share_prefixes`, rows in sorted order become a prefix tree in depth-first order: a
    row reuses the slots of its common prefix with the previous row, whose branch ends there."""
    ids: list[int] = []
    positions: list[int] = []
    until: list[int] = []
    slots: list[int] = []
    path: list[int] = []
    previous: list[int] = []
    branches: list[Branch] = []
    for row in rows:
        common = common_prefix_length(previous, row.ids) if share_prefixes else 0
        for slot in path[common:]:
            until[slot] = len(ids)
        path = path[:common]
        start, stop = len(ids), len(ids) + len(row.ids) - common
        path += range(start, stop)
        if stop > start:
            branches.append(Branch(start, stop, torch.tensor(path) if common else None))
        ids += row.ids[common:]
        positions += range(common, len(row.ids))
        until += [0] * (len(row.ids) - common)
        slots += path
        previous = row.ids
    for slot in path:
        until[slot] = len(ids)
    ids_, positions_, until_, slots_ = (torch.tensor(part) for part in (ids, positions, until, slots))
    return Batch(list(rows), ids_[None], positions_[None], None, until_, slots_, tuple(branches))


def build_attention_mask(until: Tensor) -> Tensor:
    """[1, 1, length, length], true where the row's token attends to the column's: k <= q < until[k]."""
    at = torch.arange(len(until), device=until.device)
    return ((at[None, :] <= at[:, None]) & (at[:, None] < until[None, :]))[None, None]


def count_distinct_tokens(rows: Sequence[TokenRow]) -> int:
    """Tokens of the prefix tree of all `rows`, the least that any layout computes."""
    count = 0
    previous: list[int] = []
    for row in sorted(rows, key=lambda row: row.ids):
        count += len(row.ids) - common_prefix_length(previous, row.ids)
        previous = row.ids
    return count
