"""Options of budget sweeps and their methods."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from app.common.config import Config, Names, Seed
from app.core.config_file import parse_config
from app.core.errors import Invalid
from app.prm.config import Aggregate, Split
from app.search.config import FORMER_VOTE_BY, ROUNDS, Rounds, SearchConfig, VoteBy

POOLED = {
    "weighted": "best-of-N, weighted",
    "best": "best-of-N",
    "majority": "majority vote",
}
"""Measured on subsets of one pool of samples."""
SEARCHED = {
    "beam-4": "beam search, M = 4",
    "beam-sqrt": "beam search, M = √N",
    "lookahead-1": "lookahead, k = 1",
    "lookahead-3": "lookahead, k = 3",
    "dvts-4": "DVTS, M = 4",
    "revisions-4": "revisions, chains of 4",
}
"""A separate search per budget (Snell et al. 2024, section 5.2, table of settings)."""
STRATEGIES = {**POOLED, **SEARCHED}
WHOLE_SOLUTION_METHODS = ("best_of_n", "revisions")
"""Methods that sample complete solutions and need no continuations."""
MOST_WATCHED = 256
"""Maximum beams of a single search."""


class SweepConfig(Config):
    """Options of a budget sweep; docs/search.md gives the sources of the defaults."""

    former_names = {"voices": "vote_by"}  # noqa: RUF012
    former_values = FORMER_VOTE_BY
    splits: Annotated[tuple[Split, ...], Field(strict=False, min_length=1)] = ("validation",)
    """Splits of the problems."""
    problems: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Maximum number of problems, sampled at random by seed."""
    most: Annotated[int, Field(ge=1, le=1_024)] = 16
    """The largest budget. All powers of two up to it are measured."""
    strategies: Annotated[Names, Field(min_length=1)] = (
        "weighted",
        "best",
        "majority",
        "beam-4",
        "beam-sqrt",
        "lookahead-1",
        "dvts-4",
    )
    """The strategies that are measured."""
    vote_by: VoteBy = "solutions"
    """Votes per distinct solution (solutions), or per sample (samples)."""
    aggregate: Aggregate | None = None
    """How step probabilities become a prefix score. None: the default of the scorer."""
    rounds: Rounds = ROUNDS
    """Maximum rounds of a search."""
    subsets: Annotated[int, Field(ge=1, le=5_000)] = 200
    """Random subsets of the pool on which votes are measured."""
    resamples: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Bootstrap resamples of the problems for each interval."""
    seed: Seed = 0
    """Seed of the problems, samples and resamples."""

    @field_validator("strategies")
    @classmethod
    def _validate_strategies(cls, strategies: tuple[str, ...]) -> tuple[str, ...]:
        if set(strategies) - set(STRATEGIES) or len(set(strategies)) < len(strategies):
            raise ValueError(f"must be different names of {', '.join(STRATEGIES)}")
        return strategies

    @property
    def budgets(self) -> list[int]:
        return [2**power for power in range(self.most.bit_length())]


def build_search(strategy: str, budget: int, config: SweepConfig) -> SearchConfig | None:
    """The search of this method that spends `budget` solutions. None if the budget is too small: a lookahead
    of k steps needs k + 1."""
    kind, _, number = strategy.partition("-")
    n = budget // (int(number) + 1) if kind == "lookahead" else budget
    width = 2 ** ((n.bit_length() - 1) // 2) if number == "sqrt" else min(4, n)
    if n < 1:
        return None
    return SearchConfig.parse(
        {
            "method": kind,
            "n": n,
            "beam_width": width,
            "lookahead": int(number) if kind == "lookahead" else 1,
            "rounds": config.rounds,
            "vote_by": config.vote_by,
            "aggregate": config.aggregate,
            "seed": config.seed,
        }
    )


def parse_search(payload: Any) -> SearchConfig:
    config = parse_config(SearchConfig, payload)
    if config.n > MOST_WATCHED:
        raise Invalid(f"n must be at most {MOST_WATCHED} for a single search.")
    return config


def parse_sweep(payload: Any) -> SweepConfig:
    return parse_config(SweepConfig, payload)


def needs_continuations(config: SearchConfig | SweepConfig) -> bool:
    """Whether the generator must continue partial solutions."""
    if isinstance(config, SearchConfig):
        return config.method not in WHOLE_SOLUTION_METHODS
    return any(
        name in SEARCHED and name.partition("-")[0] not in WHOLE_SOLUTION_METHODS
        for name in config.strategies
    )
