"""Training of the writer on the next words of worked solutions and on the mark of every step. The two marks
are weighed only against each other, so they do not compete with words."""

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
    """Length and data of the training."""

    steps: int = 1500
    """Long enough to write and to check solutions, with rare facts left unlearned."""
    lines: int = 64
    """Lines per step."""
    checked: float = 0.7
    """Share of lines with a false step. It lets a PRM that starts from this model learn from few labels."""
    rate: float = 3e-3
    shape: WriterShape = field(default_factory=WriterShape)


def train_writer(
    world: World,
    course: TrainingSchedule,
    seed: int,
    report: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Writer:
    """Train a new writer. Equal seeds give equal writers on one machine."""
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
    """Mean cross-entropy in nats of words and of marks. There are about ten words per mark."""
    states = writer.body(input_ids=batch.ids).last_hidden_state
    has_word, has_mark = batch.targets != NOTHING, batch.marks != NOTHING
    word_loss = nn.functional.cross_entropy(writer.logits(states[has_word]), batch.targets[has_word])
    two = writer.logits(states[has_mark])[:, reader.two]
    return word_loss, nn.functional.cross_entropy(two, batch.marks[has_mark])


def _learning_rate(step: int, steps: int) -> float:
    """Warm-up over 5% of the steps, then a cosine to 10%."""
    rising = max(1, steps // 20)
    if step < rising:
        return (step + 1) / rising
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


@dataclass(frozen=True)
class Batch:
    """[lines, longest] each: token ids; next tokens; 1 at the end of a true step, 0 at the end of a false
    step. NOTHING is not trained on."""

    ids: Tensor
    targets: Tensor
    marks: Tensor


class Reader:
    """Turns lines into token ids and targets, padded on the right, which a causal model ignores."""

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
        """The encoding of app.prm.encoding, but much faster: words are looked up."""
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
