"""How a model is judged. Plain data; importable without numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.common.config import Config, ConfigError
from app.core.errors import Invalid
from app.prm.config import AGGREGATES


@dataclass(frozen=True)
class EvaluationConfig(Config):
    aggregate: str = "product"
    """Of the curve the votes and the tables by group are made with; the others stand beside it."""
    neutral_is_positive: bool = True
    subsets: int = 200
    """Random subsets a vote is measured on, for each problem and size."""
    top_k: int = 5
    """How many of the highest scored vote in the top-k vote (Cobbe et al. 2021: 3 to 5 of 100)."""
    resamples: int = 1000
    folds: int = 5
    """Parts of the problems: thresholds and temperatures are tuned on the other parts."""
    seed: int = 0

    def check(self) -> None:
        if self.aggregate not in AGGREGATES:
            raise ConfigError(f"aggregate must be one of {', '.join(AGGREGATES)}, not {self.aggregate!r}")
        limits = {"subsets": 5_000, "top_k": 10_000, "resamples": 10_000, "folds": 50, "seed": 2**31 - 1}
        for name, most in limits.items():
            least = {"seed": 0, "folds": 2}.get(name, 1)
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be between {least} and {most:,}")


def parse_config(options: Any) -> EvaluationConfig:
    try:
        return EvaluationConfig.parse(options)
    except ConfigError as error:
        raise Invalid(f"The evaluation's config is wrong: {error}.") from error
