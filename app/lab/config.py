"""What a run over many problems is told, and what its strategies are. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from app.common.config import Config, ConfigError
from app.core.errors import Invalid
from app.prm.config import AGGREGATES
from app.search.config import ROUNDS, VOICES, SearchConfig

T = TypeVar("T", bound=Config)

POOLED = {
    "weighted": "best-of-N, weighted",
    "best": "best-of-N",
    "majority": "majority vote",
}
"""Chosen from one pool of samples: every smaller budget is measured on its subsets."""
SEARCHED = {
    "beam-4": "beam search, M = 4",
    "beam-sqrt": "beam search, M = √N",
    "lookahead-1": "lookahead, k = 1",
    "lookahead-3": "lookahead, k = 3",
    "dvts-4": "DVTS, M = 4",
    "revisions-4": "revisions, chains of 4",
}
"""A search of its own for every budget (Snell et al. 2024, section 5.2, table of settings)."""
STRATEGIES = {**POOLED, **SEARCHED}
WHOLE_SOLUTION_METHODS = ("best_of_n", "revisions")
"""Methods whose generator writes whole solutions and need not go on from a beginning."""
MOST_WATCHED = 256
"""Beams of a search that somebody watches."""


@dataclass(frozen=True)
class SweepConfig(Config):
    """A run over many problems; docs/search.md says where each default comes from."""

    splits: tuple[str, ...] = ("validation",)
    problems: int = 50
    """At most; an even draw of them, the same for the same seed."""
    most: int = 16
    """The largest budget: powers of two up to it are measured."""
    strategies: tuple[str, ...] = (
        "weighted",
        "best",
        "majority",
        "beam-4",
        "beam-sqrt",
        "lookahead-1",
        "dvts-4",
    )
    voices: str = "solutions"
    aggregate: str | None = None
    rounds: int = ROUNDS
    subsets: int = 200
    """Random subsets of the pool that a vote is measured on."""
    resamples: int = 1000
    seed: int = 0

    def check(self) -> None:
        for split in self.splits:
            if split not in ("validation", "test", "train"):
                raise ConfigError("splits must be among validation, test and train")
        for name in self.strategies:
            if name not in STRATEGIES:
                raise ConfigError(f"there is no strategy {name!r}; there are: {', '.join(STRATEGIES)}")
        if not self.splits or not self.strategies or len(set(self.strategies)) < len(self.strategies):
            raise ConfigError("splits and strategies must each name something, once")
        if self.voices not in VOICES:
            raise ConfigError(f"voices must be one of {', '.join(VOICES)}")
        if self.aggregate is not None and self.aggregate not in AGGREGATES:
            raise ConfigError(f"aggregate must be one of {', '.join(AGGREGATES)}")
        limits = {"problems": 100_000, "most": 1024, "rounds": 1000, "subsets": 5000, "resamples": 10_000}
        for name, most in limits.items():
            if not 1 <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be between 1 and {most:,}")
        if not 0 <= self.seed < 2**31:
            raise ConfigError("seed must be between 0 and 2,147,483,647")

    @property
    def budgets(self) -> list[int]:
        return [2**power for power in range(self.most.bit_length())]


def build_search(strategy: str, budget: int, config: SweepConfig) -> SearchConfig | None:
    """The search that spends `budget` solutions by this strategy; null where it cannot be had for
    so few (a lookahead of k steps needs k + 1)."""
    kind, _, number = strategy.partition("-")
    n = budget // (int(number) + 1) if kind == "lookahead" else budget
    width = 2 ** ((n.bit_length() - 1) // 2) if number == "sqrt" else min(4, n)
    if n < 1:
        return None
    return SearchConfig(
        method=kind,
        n=n,
        width=width,
        lookahead=int(number) if kind == "lookahead" else 1,
        rounds=config.rounds,
        voices=config.voices,
        aggregate=config.aggregate,
        seed=config.seed,
    )


def parse_search(payload: Any) -> SearchConfig:
    config = _parse(SearchConfig, payload)
    if config.n > MOST_WATCHED:
        raise Invalid(f"A search that is watched has at most {MOST_WATCHED} beams.")
    return config


def parse_sweep(payload: Any) -> SweepConfig:
    return _parse(SweepConfig, payload)


def _parse(kind: type[T], payload: Any) -> T:
    try:
        return kind.parse(payload)
    except ConfigError as error:
        raise Invalid(f"The search's config is wrong: {error}.") from error


def needs_continuations(config: SearchConfig | SweepConfig) -> bool:
    """Whether the generator is asked to go on from a given beginning."""
    if isinstance(config, SearchConfig):
        return config.method not in WHOLE_SOLUTION_METHODS
    return any(
        name in SEARCHED and name.partition("-")[0] not in WHOLE_SOLUTION_METHODS
        for name in config.strategies
    )
