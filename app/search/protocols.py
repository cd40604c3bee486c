"""PURE: the two protocols of a search. A proposer continues solutions and a scorer scores their steps, for
example a language model and a PRM, or dictionaries in tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Steps = tuple[str, ...]


@dataclass(frozen=True)
class ContinuationRequest:
    """Continue `prefix`. Equal requests with equal seeds get equal answers. No seed means greedy decoding
    (temperature 0)."""

    prefix: Steps
    seed: int | None


@dataclass(frozen=True)
class Continuation:
    """New steps after a prefix, whether the solution ends with them, and the number of generated tokens. No
    steps and finished: the prefix was already complete. No steps and not finished: the proposer could not
    continue."""

    steps: Steps
    finished: bool
    tokens: int


class Proposer(Protocol):
    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> Sequence[Continuation]:
        """One continuation per request, in order, of at most `steps` steps. None: up to the end."""


class Scorer(Protocol):
    def score_prefixes(self, problem: str, prefixes: Sequence[Steps]) -> Sequence[Sequence[float] | None]:
        """For each prefix, p(correct) of each of its steps, in (0, 1]. None if the prefix is too long. A step
        is scored by the steps before it, never by later steps."""


Classes = Callable[[Sequence[Steps]], Sequence[int]]
"""Maps finished solutions to equal numbers for equal final answers, -1 for no answer."""
