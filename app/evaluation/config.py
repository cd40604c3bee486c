"""Options of an evaluation. Plain data, importable without numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.common.config import Config, ConfigError
from app.core.errors import Invalid
from app.prm.config import AGGREGATES


@dataclass(frozen=True)
class EvaluationConfig(Config):
    aggregate: str = "product"
    """Aggregate of the main curve, the votes and the groups. The other aggregates are reported too."""
    neutral_is_positive: bool = True
    subsets: int = 200
    """Random subsets per problem and subset size, on which votes are measured."""
    top_k: int = 5
    """Number of highest-scored solutions in the top-k vote (Cobbe et al. 2021: 3 to 5 of 100)."""
    resamples: int = 1000
    folds: int = 5
    """Folds of problems. Thresholds and temperatures are tuned on the other folds."""
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
        raise Invalid(f"Invalid config: {error}.") from error
