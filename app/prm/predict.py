"""Scoring solutions with a published model: one pass over a solution scores all its steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from app.prm import checkpoint, prefix_attention
from app.prm.batch_layout import Batch, count_distinct_tokens, iter_batches
from app.prm.config import ScoreConfig
from app.prm.device import autocast, choose_device, set_threads
from app.prm.encoding import Encoder
from app.prm.examples import TokenRow
from app.prm.token_budget import TokenBudget

SMALLEST = 1e-12
"""Lower bound of a probability, so that the log of a product is finite."""
WINDOW = 4096
"""Solutions of a stream that share prefixes; those of one problem should be within one window."""


@dataclass(frozen=True)
class SolutionScores:
    """`step_probs`: p(negative), p(neutral), p(positive) of each step in turn, 3 x steps values. `log_score`:
    natural log of the solution score."""

    step_probs: list[float]
    log_score: float


def log_solution_score(step_probs: Sequence[float], aggregate: str, neutral_is_positive: bool) -> float:
    """The solution score from flat step probabilities, as a natural log.

    A step is correct with p(positive), plus p(neutral) if `neutral_is_positive`. The score is
    their product (Lightman et al. 2023, appendix F: the best, with neutral as positive), the
    minimum (ibid.), the last (Snell et al. 2024, section 5.1) or the mean.
    Raises ValueError for an unknown aggregate or no steps."""
    correct = [
        max(positive + (neutral if neutral_is_positive else 0.0), SMALLEST)
        for neutral, positive in zip(step_probs[1::3], step_probs[2::3], strict=True)
    ]
    if not correct:
        raise ValueError("a solution without steps has no score")
    if aggregate == "product":
        return math.fsum(math.log(value) for value in correct)
    if aggregate == "minimum":
        return math.log(min(correct))
    if aggregate == "last":
        return math.log(correct[-1])
    if aggregate == "mean":
        return math.log(math.fsum(correct) / len(correct))
    raise ValueError(f"unknown aggregate {aggregate!r}")


class Scorer:
    """A loaded model on its device. `score` keeps the order of its input."""

    def __init__(self, folder: Path, config: ScoreConfig) -> None:
        set_threads(config.threads)
        self.config = config
        self.device = choose_device(config.device)
        loaded = checkpoint.load(folder)
        self.model = loaded.model.to(self.device)
        outcome = self.model.objective.kind == "orm"
        self.aggregate = "last" if outcome else config.aggregate
        """An ORM is read at the last token (Lightman et al. 2023, appendix E)."""
        self.pad = int(loaded.tokenizer.pad_token_id)
        self.encoder = Encoder(loaded.tokenizer, loaded.config.max_length, loaded.text_format)
        self.layout: str | None = None
        self.budget = TokenBudget(self.model, self.device, config.tokens_per_batch, learning=False)
        self._notes: list[str] = []
        self.computed = self.distinct = 0
        """Tokens that the body computed, and tokens of the prefix trees of each call, the least possible."""

    @property
    def notes(self) -> list[str]:
        """Notes for people about the layout and the token budget."""
        return self._notes + self.budget.notes

    def stream(
        self, solutions: Iterable[tuple[str, Sequence[str]]], window: int = WINDOW
    ) -> Iterator[SolutionScores | None]:
        """`score` for a stream of any length, in order, with `window` solutions in memory."""
        remaining = iter(solutions)
        while batch := list(islice(remaining, window)):
            yield from self.score(batch)

    def score(self, solutions: Sequence[tuple[str, Sequence[str]]]) -> list[SolutionScores | None]:
        """A score for each (problem, steps), in order; None for a solution that is too long for the model.
        Common prefixes of the solutions of a call, their problem first of all, are computed once."""
        rows = [self.encoder.encode(problem, steps) for problem, steps in solutions]
        index_of = {id(row): index for index, row in enumerate(rows)}
        scores: list[SolutionScores | None] = [None] * len(rows)
        complete = [
            row for row, (_, steps) in zip(rows, solutions, strict=True) if len(row.ends) == len(steps) > 0
        ]
        layout = self._choose_layout(complete)
        self.distinct += count_distinct_tokens(complete)
        remaining = complete
        while remaining:
            try:
                for row, row_scores in self._iter_scores(remaining, layout):
                    scores[index_of[id(row)]] = row_scores
            except RuntimeError as error:
                if not self.budget.halve(error):
                    raise
            remaining = [row for row in remaining if scores[index_of[id(row)]] is None]
        return scores

    def _iter_scores(self, rows: list[TokenRow], layout: str) -> Iterator[tuple[TokenRow, SolutionScores]]:
        for batch in iter_batches(rows, layout, self.budget.tokens, self.pad):
            for row, probs in zip(batch.rows, self._probabilities(batch), strict=True):
                score = log_solution_score(probs, self.aggregate, self.config.neutral_is_positive)
                yield row, SolutionScores(probs, score)
            self.computed += batch.computed_tokens

    def _choose_layout(self, rows: list[TokenRow]) -> str:
        """The layout, chosen once and checked on the first rows."""
        if self.layout is None and rows:
            with autocast(self.device, self.config.bf16):
                self.layout, reason = prefix_attention.choose_layout(
                    self.model, rows, self.config.layout, self.pad
                )
            if reason:
                self._notes.append(f"rows are padded: {reason}")
        return self.layout or "padded"

    @torch.no_grad()
    def _probabilities(self, batch: Batch) -> Iterator[list[float]]:
        with autocast(self.device, self.config.bf16):
            outputs = self.model(batch.to(self.device))
        probs = self.model.objective.probabilities(outputs).cpu()
        for part in probs.split([len(row.ends) for row in batch.rows]):
            yield part.flatten().tolist()
