"""The options of a simulation. Importable without torch."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from app.common.config import Config, Names, Seed, Share
from app.world.kinds import WORLDS

MAX_SAMPLES = 2_000_000
MAX_BUDGET, MAX_BUDGETS = 1_000_000, 50
FULL_EPOCHS_LABELS = 500
"""Number of labeled solutions that are trained on for exactly `epochs`."""
BASELINES = {
    "majority": "majority vote",
    "orm": "ORM",
    "orm_by_teacher": "ORM trained by the larger PRM",
    "judge": "perfect labels",
    "oracle": "pass@N",
}
"""What needs no step labels of the policy, in display order."""


class SimulationConfig(Config):
    """The defaults are the small size. They were fixed on `chains` before other worlds were run."""

    former_names = {  # noqa: RUF012
        "reading_steps": "writer_train_steps",
        "pool_reading_steps": "pool_writer_train_steps",
        "checked": "marked_error_share",
        "first": "initial_labels",
        "further": "random_extra_budgets",
        "passes": "epochs",
        "rate": "learning_rate",
        "noise": "label_noise",
    }
    world: str = "chains"
    seed: Seed = 0
    """Seed of the writer, the problems, the samples and the selection."""
    writer_train_steps: Annotated[int, Field(ge=1, le=100_000)] = 1500
    """Training steps of the writer. By default it can write and check solutions, but lacks rare facts."""
    layers: Annotated[int, Field(ge=1, le=12)] = 4
    """Layers of the writer. Its width is 64."""
    marked_error_share: Share = 0.7
    """Share of the writer's corpus with a marked false step. It lets a PRM learn from few labels."""
    pool_problems: Annotated[int, Field(ge=3, le=20_000)] = 1500
    pool_samples: Annotated[int, Field(ge=1, le=4_096)] = 16
    validation_problems: Annotated[int, Field(ge=2, le=20_000)] = 60
    """Problems of the pool that are never queued. The gate checks each selector on them."""
    test_problems: Annotated[int, Field(ge=1, le=5_000)] = 300
    test_samples: Annotated[int, Field(ge=1, le=4_096)] = 256
    shifted_problems: Annotated[int, Field(ge=1, le=5_000)] = 20
    """Problems of a second test set, longer than those of the corpus and the pool."""
    initial_labels: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """Random solutions that every policy starts with. The first selector is trained on them."""
    budgets: Annotated[Names, Field(min_length=1)] = ("60", "120", "240", "480", "960", "1920")
    """Numbers of labeled solutions, the initial ones included, at which a PRM is trained and tested."""
    random_extra_budgets: Names = ()
    """More budgets of the random policy alone, to find how many random labels match the other policies."""
    per_problem: Annotated[int, Field(ge=1, le=4_096)] = 4
    """Maximum number of queued solutions per problem and budget."""
    epochs: Annotated[float, Field(ge=0.01, le=1_000)] = 8.0
    """Epochs over 500 labeled solutions. Fewer solutions get up to three times as many epochs, more get
    down to half."""
    learning_rate: Annotated[float, Field(ge=1e-6, le=1)] = 5e-4
    label_noise: Share = 0.0
    """Probability that the label of a step is the opposite of the truth."""
    wrong_references: Share = 0.0
    """Share of pool problems with a wrong reference answer."""
    pool_writer_train_steps: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Above 0: the pool comes from an older writer, stopped at this training step."""
    temperature: Annotated[float, Field(ge=0.01, le=10)] = 0.7
    threads: Annotated[int, Field(ge=1, le=64)] = 1

    @property
    def counts(self) -> list[int]:
        return [int(budget) for budget in self.budgets]

    @property
    def random_counts(self) -> list[int]:
        """The budgets of the random policy."""
        return self.counts + [int(budget) for budget in self.random_extra_budgets]

    def scaled_epochs(self, examples: int) -> float:
        """Epochs such that the training work grows with the square root of the number of examples."""
        return self.epochs * min(3.0, max(0.5, math.sqrt(FULL_EPOCHS_LABELS / max(1, examples))))

    def describe(self) -> dict[str, Any]:
        """Without the seed, as a run stores it: seeds have a column of their own."""
        return self.model_dump(mode="json", exclude={"seed"})

    @field_validator("world")
    @classmethod
    def _validate_world(cls, world: str) -> str:
        if world not in WORLDS:
            raise ValueError(f"must be one of {', '.join(WORLDS)}")
        return world

    @field_validator("budgets", "random_extra_budgets")
    @classmethod
    def _validate_budgets(cls, budgets: tuple[str, ...]) -> tuple[str, ...]:
        if not all(budget.isascii() and budget.isdigit() and int(budget) >= 1 for budget in budgets):
            raise ValueError("must be whole numbers of labeled solutions")
        return budgets

    @model_validator(mode="after")
    def _validate_sizes(self) -> Self:
        counts = self.random_counts
        if counts != sorted(set(counts)):
            raise ValueError("budgets must increase, and the extra budgets must follow the last one")
        if counts[-1] > MAX_BUDGET or len(counts) > MAX_BUDGETS:
            raise ValueError(f"at most {MAX_BUDGETS} budgets of at most {MAX_BUDGET:,} labels are allowed")
        if self.validation_problems >= self.pool_problems:
            raise ValueError("validation_problems must be fewer than pool_problems")
        samples = max(self.pool_problems * self.pool_samples, self.test_problems * self.test_samples)
        if samples > MAX_SAMPLES:
            raise ValueError(f"the pool and the test set may have at most {MAX_SAMPLES:,} samples each")
        return self
