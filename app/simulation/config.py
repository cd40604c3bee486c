"""What a simulation is told. Plain data; importable without torch."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from app.common.config import Config, Names, Seed, Share

MAX_SAMPLES = 2_000_000
MAX_BUDGET, MAX_BUDGETS = 1_000_000, 50
SETTLED = 500
"""Labeled solutions that are read as often as `passes` says."""
REFERENCES = {
    "majority": "majority vote",
    "orm": "ORM",
    "orm_by_teacher": "ORM taught by the larger PRM",
    "judge": "a perfect judge",
    "oracle": "pass@N",
}
"""What curves are held against, in the order they are told."""


class Setting(Config):
    """Defaults are the small form, fixed on `chains` before the other worlds were run."""

    world: str = "chains"
    seed: Seed = 0
    """Of everything that is drawn: the writer, the problems, the samples, the choices."""
    reading_steps: Annotated[int, Field(ge=1, le=100_000)] = 1500
    """Steps the writer learns for: it can write and check by then; the rarer facts it does not know."""
    layers: Annotated[int, Field(ge=1, le=12)] = 4
    """Of the writer, width 64."""
    checked: Share = 0.7
    """Share of the corpus that holds a false step, marked: what lets a PRM learn from few labels."""
    pool_problems: Annotated[int, Field(ge=3, le=20_000)] = 1500
    pool_samples: Annotated[int, Field(ge=1, le=4_096)] = 16
    validation_problems: Annotated[int, Field(ge=2, le=20_000)] = 60
    """Of the pool: never queued; every selector is held against blind choice and majority on them."""
    test_problems: Annotated[int, Field(ge=1, le=5_000)] = 300
    test_samples: Annotated[int, Field(ge=1, le=4_096)] = 256
    shifted_problems: Annotated[int, Field(ge=1, le=5_000)] = 20
    """Longer ones than the corpus and the pool have, for a test set of their own."""
    first: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """Solutions drawn at random that every policy begins with: what the first selector learns."""
    budgets: Annotated[Names, Field(min_length=1)] = ("60", "120", "240", "480", "960", "1920")
    """Labeled solutions in all, the first ones included, at which a PRM is trained and judged."""
    further: Names = ()
    """More budgets, of the uniform arm alone: at how many labels drawn at random does it come to what
    chosen ones have reached?"""
    per_problem: Annotated[int, Field(ge=1, le=4_096)] = 4
    passes: Annotated[float, Field(ge=0.01, le=1_000)] = 8.0
    """Epochs over 500 labeled solutions; fewer are read more often, up to three times, more less often,
    down to half."""
    rate: Annotated[float, Field(ge=1e-6, le=1)] = 5e-4
    noise: Share = 0.0
    """Probability that the labeler says the opposite of the truth, by step."""
    wrong_references: Share = 0.0
    """Share of pool problems whose reference answer is false."""
    pool_reading_steps: Annotated[int, Field(ge=0, le=100_000)] = 0
    """The generator was changed: the pool is of a writer stopped at this step, all else of the newest.
    0: the same writer."""
    teacher_solutions: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Above 0: labels come from a PRM that the judge taught with so many solutions (synthetic
    supervision: Lightman et al. 2023, section 4)."""
    temperature: Annotated[float, Field(ge=0.01, le=10)] = 0.7
    threads: Annotated[int, Field(ge=1, le=64)] = 1

    @property
    def counts(self) -> list[int]:
        return [int(each) for each in self.budgets]

    def counts_of(self, policy: str) -> list[int]:
        return self.counts + [int(each) for each in self.further if policy == "random"]

    def epochs(self, examples: int) -> float:
        """So that the work of training grows with the root of the number of examples."""
        return self.passes * min(3.0, max(0.5, math.sqrt(SETTLED / max(1, examples))))

    @field_validator("world")
    @classmethod
    def _validate_world(cls, world: str) -> str:
        from app.world.kinds import WORLDS

        if world not in WORLDS:
            raise ValueError(f"must be one of {', '.join(WORLDS)}")
        return world

    @field_validator("budgets", "further")
    @classmethod
    def _validate_budgets(cls, budgets: tuple[str, ...]) -> tuple[str, ...]:
        if not all(budget.isascii() and budget.isdigit() and int(budget) >= 1 for budget in budgets):
            raise ValueError("must be whole numbers of labeled solutions")
        return budgets

    @model_validator(mode="after")
    def _validate_sizes(self) -> Self:
        counts = self.counts_of("random")
        if counts != sorted(set(counts)):
            raise ValueError("budgets must grow, and further ones from the last")
        if counts[-1] > MAX_BUDGET or len(counts) > MAX_BUDGETS:
            raise ValueError(f"there may be at most {MAX_BUDGETS} budgets of at most {MAX_BUDGET:,}")
        if self.validation_problems >= self.pool_problems:
            raise ValueError("validation_problems must be fewer than pool_problems")
        samples = max(self.pool_problems * self.pool_samples, self.test_problems * self.test_samples)
        if samples > MAX_SAMPLES:
            raise ValueError(f"pool and tests may have at most {MAX_SAMPLES:,} samples each")
        return self
