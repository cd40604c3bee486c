"""How the writer learns: next words of worked solutions, verdicts of checked ones."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from app.world.kinds.corpus import Line, corpus
from app.world.kinds.kind import World
from app.world.writer.model import LINE, RIGHT, WRONG, Shape, Writer, new

NOTHING = -100


@dataclass(frozen=True)
class Course:
    """How long it reads, and what."""

    steps: int = 600
    """Stopped before it knows the rarer facts."""
    lines: int = 64
    """A step."""
    checked: float = 0.5
    """Share of lines that are checked: what lets a PRM start from this model learn from few labels."""
    rate: float = 3e-3
    shape: Shape = field(default_factory=Shape)


def learn(
    world: World, course: Course, seed: int, report: Callable[[dict[str, Any]], None] = lambda _: None
) -> Writer:
    """A writer from nothing. Equal seeds give equal writers on one machine."""
    writer = new(world, course.shape, seed)
    lines = corpus(world, random.Random(f"corpus {seed}"), course.checked)  # noqa: S311
    reader = Reader(writer)
    optimiser = torch.optim.AdamW(writer.parameters(), lr=course.rate, weight_decay=0.01)
    writer.train()
    for step in range(course.steps):
        for group in optimiser.param_groups:
            group["lr"] = course.rate * _pace(step, course.steps)
        ids, targets = reader.batch(list(islice(lines, course.lines)))
        states = writer.body(input_ids=ids).last_hidden_state
        loss = _loss(writer, states, targets, reader.verdicts.values())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
        optimiser.step()
        if step % 50 == 49:
            report(
                {"phase": "reading", "step": step + 1, "steps": course.steps, "loss": float(loss.detach())}
            )
    return writer.eval()


def _loss(writer: Writer, states: Tensor, targets: Tensor, verdicts: Iterable[int]) -> Tensor:
    """Words and verdicts count alike, though there are twenty words to a verdict."""
    wanted = targets != NOTHING
    truth = targets[wanted]
    each = nn.functional.cross_entropy(writer.logits(states[wanted]), truth, reduction="none")
    is_verdict = torch.isin(truth, torch.tensor(list(verdicts)))
    parts = [each[chosen].mean() for chosen in (is_verdict, ~is_verdict) if bool(chosen.any())]
    return torch.stack(parts).sum()


def _pace(step: int, steps: int) -> float:
    """Warm-up over a twentieth, then a cosine to a tenth."""
    rising = max(1, steps // 20)
    if step < rising:
        return (step + 1) / rising
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


class Reader:
    """Lines as token ids, with what is learned at each: right-padded, which a causal body ignores."""

    def __init__(self, writer: Writer) -> None:
        known = writer.tokenizer.get_vocab()
        self.start = [int(writer.tokenizer.bos_token_id)]
        self.known, self.line = known, [known[LINE]]
        self.pad, self.end = int(writer.tokenizer.pad_token_id), int(writer.tokenizer.eos_token_id)
        self.verdicts = {True: known[RIGHT], False: known[WRONG]}

    def batch(self, lines: list[Line]) -> tuple[Tensor, Tensor]:
        """ids, targets: [lines, longest]; targets are NOTHING where nothing is learned."""
        rows = [self.row(line) for line in lines]
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), longest), self.pad)
        targets = torch.full((len(rows), longest), NOTHING)
        for place, (known, wanted) in enumerate(rows):
            ids[place, : len(known)] = torch.tensor(known)
            targets[place, : len(wanted)] = torch.tensor(wanted)
        return ids, targets

    def row(self, line: Line) -> tuple[list[int], list[int]]:
        """As app.prm.tokens reads it, many times as fast: a word is looked up."""
        ids = self.start + self._ids(line.statement)
        start, ends = len(ids), []
        for step in line.steps:
            ids += self._ids(step)
            ends.append(len(ids) - 1)
        if line.right is None:
            return ids, [NOTHING] * (start - 1) + ids[start:] + [self.end]
        targets = [NOTHING] * len(ids)
        for end, right in zip(ends, line.right, strict=True):
            targets[end] = self.verdicts[right]
        return ids, targets

    def _ids(self, text: str) -> list[int]:
        return [self.known[word] for word in text.split(" ")] + self.line
