"""What a simulation is told. Plain data; importable without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.common.config import Config, ConfigError

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


@dataclass(frozen=True)
class Setting(Config):
    """Defaults are the small form, fixed on `chains` before the other worlds were run."""

    world: str = "chains"
    seed: int = 0
    """Of everything that is drawn: the writer, the problems, the samples, the choices."""
    reading_steps: int = 1500
    """Steps the writer learns for: it can write and check by then; the rarer facts it does not know."""
    layers: int = 4
    """Of the writer, width 64."""
    checked: float = 0.7
    """Share of the corpus that holds a false step, marked: what lets a PRM learn from few labels."""
    pool_problems: int = 1500
    pool_samples: int = 16
    validation_problems: int = 60
    """Of the pool: never queued; every selector is held against blind choice and majority on them."""
    test_problems: int = 300
    test_samples: int = 256
    shifted_problems: int = 20
    """Longer ones than the corpus and the pool have, for a test set of their own."""
    first: int = 60
    """Solutions drawn at random that every policy begins with: what the first selector learns."""
    budgets: tuple[str, ...] = ("60", "120", "240", "480", "960", "1920")
    """Labeled solutions in all, the first ones included, at which a PRM is trained and judged."""
    further: tuple[str, ...] = ()
    """More budgets, of the uniform arm alone: at how many labels drawn at random does it come to what
    chosen ones have reached?"""
    per_problem: int = 4
    passes: float = 8.0
    """Epochs over 500 labeled solutions; fewer are read more often, up to three times, more less often,
    down to half."""
    rate: float = 5e-4
    noise: float = 0.0
    """Probability that the labeler says the opposite of the truth, by step."""
    wrong_references: float = 0.0
    """Share of pool problems whose reference answer is false."""
    pool_reading_steps: int = 0
    """The generator was changed: the pool is of a writer stopped at this step, all else of the newest.
    0: the same writer."""
    teacher_solutions: int = 0
    """Above 0: labels come from a PRM that the judge taught with so many solutions (synthetic
    supervision: Lightman et al. 2023, section 4)."""
    temperature: float = 0.7
    threads: int = 1

    @property
    def counts(self) -> list[int]:
        return [int(each) for each in self.budgets]

    def counts_of(self, policy: str) -> list[int]:
        return self.counts + [int(each) for each in self.further if policy == "random"]

    def epochs(self, examples: int) -> float:
        """So that the work of training grows with the root of the number of examples."""
        return self.passes * min(3.0, max(0.5, math.sqrt(SETTLED / max(1, examples))))

    def check(self) -> None:
        from app.world.kinds import WORLDS

        if self.world not in WORLDS:
            raise ConfigError(f"world must be one of {', '.join(WORLDS)}, not {self.world!r}")
        every = (*self.budgets, *self.further)
        if not all(each.isdigit() and int(each) >= 1 for each in every) or not self.budgets:
            raise ConfigError("budgets must be whole numbers of labeled solutions")
        if (counts := self.counts_of("random")) != sorted(set(counts)):
            raise ConfigError("budgets must grow, and further ones from the last")
        for name in ("noise", "wrong_references", "checked"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be between 0 and 1")
        if not 2 <= self.validation_problems < self.pool_problems:
            raise ConfigError("validation_problems must be 2 or more, and fewer than pool_problems")
        for name in (
            "layers",
            "pool_problems",
            "pool_samples",
            "test_problems",
            "shifted_problems",
            "test_samples",
            "first",
            "reading_steps",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more")
