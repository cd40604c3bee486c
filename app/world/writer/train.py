"""How the writer learns: the next words of worked solutions, and the mark at every step. The marks are
weighed against each other alone: whether one is given does not compete with what is said next."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from app.world.kinds.base import World
from app.world.kinds.corpus import CorpusLine, iter_corpus
from app.world.writer.model import LINE, RIGHT, WRONG, Writer, WriterShape, create_writer

NOTHING = -100


@dataclass(frozen=True)
class TrainingSchedule:
    """How long it reads, and what."""

    steps: int = 1500
    """Long enough to write and to check as it is done, with facts left that it has seldom met."""
    lines: int = 64
    """A step."""
    checked: float = 0.7
    """Share of lines that hold a false step: what lets a PRM start from this model learn from few labels."""
    rate: float = 3e-3
    shape: WriterShape = field(default_factory=WriterShape)


def train_writer(
    world: World,
    course: TrainingSchedule,
    seed: int,
    report: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Writer:
    """A writer from nothing. Equal seeds give equal writers on one machine."""
    writer = create_writer(world, course.shape, seed)
    lines = iter_corpus(world, random.Random(f"corpus {seed}"), course.checked)  # noqa: S311
    reader = Reader(writer)
    optimiser = torch.optim.AdamW(writer.parameters(), lr=course.rate, weight_decay=0.01, betas=(0.9, 0.98))
    writer.train()
    for step in range(course.steps):
        for group in optimiser.param_groups:
            group["lr"] = course.rate * _learning_rate(step, course.steps)
        word_loss, mark_loss = _losses(writer, reader, reader.batch(list(islice(lines, course.lines))))
        optimiser.zero_grad(set_to_none=True)
        (word_loss + mark_loss).backward()
        nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
        optimiser.step()
        if step % 50 == 49:
            losses = {"words": float(word_loss.detach()), "marks": float(mark_loss.detach())}
            report({"phase": "reading", "step": step + 1, "steps": course.steps, **losses})
    return writer.eval()


def _losses(writer: Writer, reader: Reader, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy in nats of words and of marks, a mean each: there are ten words to a mark."""
    states = writer.body(input_ids=batch.ids).last_hidden_state
    has_word, has_mark = batch.targets != NOTHING, batch.marks != NOTHING
    word_loss = nn.functional.cross_entropy(writer.logits(states[has_word]), batch.targets[has_word])
    two = writer.logits(states[has_mark])[:, reader.two]
    return word_loss, nn.functional.cross_entropy(two, batch.marks[has_mark])


def _learning_rate(step: int, steps: int) -> float:
    """Warm-up over a twentieth, then a cosine to a tenth."""
    rising = max(1, steps // 20)
    if step < rising:
        return (step + 1) / rising
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


@dataclass(frozen=True)
class Batch:
    """[lines, longest] each: token ids; the word to say next; 1 at the end of a true step, 0 at the end
    of a false one. NOTHING where nothing is learned."""

    ids: Tensor
    targets: Tensor
    marks: Tensor


class Reader:
    """Lines as token ids, with what is learned at each: right-padded, which a causal body ignores."""

    def __init__(self, writer: Writer) -> None:
        token_ids = writer.tokenizer.get_vocab()
        self.start = [int(writer.tokenizer.bos_token_id)]
        self.known, self.line = token_ids, [token_ids[LINE]]
        self.pad, self.end = int(writer.tokenizer.pad_token_id), int(writer.tokenizer.eos_token_id)
        self.two = torch.tensor([token_ids[WRONG], token_ids[RIGHT]])

    def batch(self, lines: list[CorpusLine]) -> Batch:
        rows = [self.row(line) for line in lines]
        longest = max(len(ids) for ids, _, _ in rows)
        columns = [torch.full((len(rows), longest), empty) for empty in (self.pad, NOTHING, NOTHING)]
        for place, row in enumerate(rows):
            for column, values in zip(columns, row, strict=True):
                column[place, : len(values)] = torch.tensor(values)
        return Batch(*columns)

    def row(self, line: CorpusLine) -> tuple[list[int], list[int], list[int]]:
        """As app.prm.encoding reads it, many times as fast: a word is looked up."""
        ids = self.start + self._ids(line.statement)
        next_ids, marks = [NOTHING] * (len(ids) - 1), [NOTHING] * len(ids)
        for place, step in enumerate(line.steps):
            step_ids, true = self._ids(step), place < line.true
            ids += step_ids
            next_ids += step_ids if true else [NOTHING] * len(step_ids)
            marks += [NOTHING] * (len(step_ids) - 1) + [int(true)]
        return ids, [*next_ids, self.end if line.true == len(line.steps) else NOTHING], marks

    def _ids(self, text: str) -> list[int]:
        return [self.known[word] for word in text.split(" ")] + self.line
