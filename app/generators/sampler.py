"""What comes back from a generator, whichever kind it is, and what can go wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from app.answers.grade import Prover
from app.generators.prompts import SampleRequest


@dataclass
class Cost:
    """Of one or more requests. A server that says no usage is counted, not guessed."""

    requests: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    without_usage: int = 0
    seconds: float = 0.0


@dataclass
class SamplerResponse:
    texts: list[tuple[str, str]]
    """Each with why it ended: stop, or length."""
    cost: Cost = field(default_factory=Cost)


@dataclass
class SampleResult:
    """An answer on its way into the database."""

    ask: SampleRequest
    answer: SamplerResponse
    prover: Prover
    useless: list[str] = field(default_factory=list)
    """Why samples could not be kept, for the list of errors."""


class SamplerError(Exception):
    """This request failed for good; others may work."""

    def __init__(self, message: str, cost: Cost | None = None) -> None:
        super().__init__(message)
        self.cost = cost or Cost()


class SamplerRejected(SamplerError):
    """No request can work: a wrong key, a wrong address, a model that is not there."""


class SamplingStopped(Exception):
    """Asked to end while it waited."""


class Sampler(Protocol):
    at_once: int
    """Requests it can hold at the same time."""

    def request(self, ask: SampleRequest) -> SamplerResponse:
        """Samples; perhaps fewer than asked for. Raises Failed, Refused or Stopped."""

    def close(self) -> None:
        """Let go of what it holds."""
