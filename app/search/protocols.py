"""PURE: the two that a search asks. A proposer continues solutions, a scorer judges their steps.
Behind them stand a language model and a PRM, or two dictionaries; a search cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Steps = tuple[str, ...]


@dataclass(frozen=True)
class ContinuationRequest:
    """Continue `prefix`. Equal asks with equal seeds are answered alike; without a seed, greedily
    (temperature 0)."""

    prefix: Steps
    seed: int | None


@dataclass(frozen=True)
class Continuation:
    """What follows a prefix: new steps, whether the solution ends with them, and the tokens it took
    to generate them. No step and finished: the prefix was a whole solution already. No step and not
    finished: the proposer could not go on."""

    steps: Steps
    finished: bool
    tokens: int


class Proposer(Protocol):
    def propose(
        self, problem: str, asks: Sequence[ContinuationRequest], steps: int | None
    ) -> Sequence[Continuation]:
        """An answer to each ask in turn, of at most `steps` steps; null: to the end."""


class Scorer(Protocol):
    def score_prefixes(self, problem: str, prefixes: Sequence[Steps]) -> Sequence[Sequence[float] | None]:
        """Of each prefix the probability that each of its steps is correct, in (0, 1]. Null for one
        it cannot read (too long). A step is judged by what stands before it, never by what follows."""


Classes = Callable[[Sequence[Steps]], Sequence[int]]
"""Of finished solutions: equal numbers for equal final answers, -1 where there is none."""
