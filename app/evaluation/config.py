"""Options of evaluation sets and evaluations. Importable without NumPy."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from app.common.config import Config, Seed
from app.core.config_file import parse_config
from app.prm.config import Aggregate, Split


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


LabelFilter = Literal["any", "people", "file", "none"]
LABEL_FILTERS = get_args(LabelFilter)
Filter = Annotated[str | None, Field(max_length=500)]


class SetDefinition(Config):
    """The solutions and reference labels that an evaluation set freezes."""

    splits: Annotated[tuple[Split, ...], Field(strict=False, min_length=1)] = ("validation",)
    """Splits of the problems."""
    subject: Filter = None
    """Only problems of this subject. Null: all."""
    level: Filter = None
    """Only problems of this level. Null: all."""
    source: Filter = None
    """Only problems of this source. Null: all."""
    least_solutions: Annotated[int, Field(ge=1, le=10_000)] = 2
    """Graded solutions that a problem needs, unless it has labels."""
    most_problems: Annotated[int | None, Field(ge=1, le=10_000_000)] = None
    """Maximum number of problems, sampled at random by seed; null for all."""
    labels: LabelFilter = "any"
    """Where reference labels come from: people before files, people only, files only, or none."""
    external_source: Filter = None
    """Only labels of this format or mapping, where they come from files; null for all."""
    seed: Seed = 0
    """Seed of the sampled problems."""


def parse_evaluation_config(options: Any) -> EvaluationConfig:
    """From JSON. Invalid names the option that cannot be used."""
    return parse_config(EvaluationConfig, options)
