"""Options of an evaluation. Plain data, importable without numpy."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.common.config import Config, Seed
from app.core.config_file import parse_config
from app.prm.config import Aggregate


class EvaluationConfig(Config):
    """Every option of an evaluation."""

    aggregate: Aggregate = "product"
    """Aggregate of the scores used for votes and for the tables by group. All aggregates are reported."""
    neutral_is_positive: bool = True
    """Whether p(neutral) counts as correct."""
    subsets: Annotated[int, Field(ge=1, le=5_000)] = 200
    """Random subsets per problem and size on which a vote is measured."""
    top_k: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Highest-scored solutions that vote in the top-k vote (Cobbe et al. 2021: 3 to 5 of 100)."""
    resamples: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Bootstrap resamples of the problems for each interval."""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Parts of the problems. Thresholds and temperatures are tuned on the other parts."""
    seed: Seed = 0
    """Seed of subsets, resamples and folds."""


def parse_evaluation_config(options: Any) -> EvaluationConfig:
    """From JSON. Invalid names the option that cannot be used."""
    return parse_config(EvaluationConfig, options)
