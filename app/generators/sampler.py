"""The protocol of samplers, with their responses and errors."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from app.answers.grade import Prover
from app.generators.models import Generator
from app.generators.prompts import SampleRequest


@dataclass
class Cost:
    """Usage of one or more requests. Requests without reported usage are counted in `without_usage`."""

    requests: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    without_usage: int = 0
    seconds: float = 0.0


@dataclass
class SamplerResponse:
    texts: list[tuple[str, str]]
    """Samples with their finish reason: stop or length."""
    cost: Cost = field(default_factory=Cost)


@dataclass
class SampleResult:
    """A response with what is needed to store it."""

    ask: SampleRequest
    answer: SamplerResponse
    prover: Prover
    unusable: list[str] = field(default_factory=list)
    """Reasons of unusable samples, for the list of errors."""


class SamplerError(Exception):
    """This request failed after all retries. Other requests may work."""

    def __init__(self, message: str, cost: Cost | None = None) -> None:
        super().__init__(message)
        self.cost = cost or Cost()


class SamplerRejected(SamplerError):
    """No request can work, for example because of a wrong key, URL or model."""


class SamplingStopped(Exception):
    """Stopped while waiting."""


class Sampler(Protocol):
    concurrency: int
    """Maximum concurrent requests."""

    def request(self, ask: SampleRequest) -> SamplerResponse:
        """Samples, possibly fewer than requested. Raises SamplerError, SamplerRejected or SamplingStopped."""

    def close(self) -> None:
        """Release connections and memory."""


def open_sampler(generator: Generator, stopping: threading.Event) -> Sampler:
    """A sampler that is ready for requests. `stopping` ends its waiting. Raises SamplerRejected with the
    reason. The web process never calls this, because local models load torch."""
    from app.generators.kinds import KINDS

    module = import_module(KINDS[generator.kind].sampler_module)
    sampler: Sampler = module.open_sampler(generator, stopping)
    return sampler
