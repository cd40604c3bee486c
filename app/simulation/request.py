"""What to simulate, as the form, the API and the command line send it: a size with options over it, the
policies and the seeds."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema, field_validator

from app.common.config import Config, Names, Seed
from app.core.config_file import parse_config
from app.core.errors import Invalid
from app.simulation.config import SimulationConfig
from app.simulation.policies import DEFAULT_POLICIES, POLICIES, require_policies
from app.world.kinds import WORLDS

MAX_SEEDS = 50
MAX_REPEATS = 300
"""Draws without a new problem after which a world counts as exhausted."""
QUICK: dict[str, Any] = {
    "writer_train_steps": 200, "pool_problems": 80, "pool_samples": 8, "test_problems": 20,
    "shifted_problems": 10, "test_samples": 32, "initial_labels": 20, "budgets": ["20", "40", "80"],
}  # fmt: skip
SIZES: dict[str, dict[str, Any]] = {"quick": QUICK, "small": {}}
SIZE_LABELS = {"quick": "Quick, for a first look", "small": "Small, to compare policies"}
TRAIN_STEP, PROBLEM, SAMPLE, EXAMPLE, SCORING = 0.08, 0.01, 0.00005, 0.002, 0.0001
"""Seconds for two layers on one core: a training step of the writer, a problem and a sample to write, a
solution to train on once, and a solution to score. Equal samples are computed once."""
ORM_SOLUTIONS = 1_600
"""Graded solutions of the pool that the ORM is trained on, drawn at random."""


@dataclass(frozen=True)
class SimulationRequest:
    config: SimulationConfig
    """With the first of the seeds."""
    policies: tuple[str, ...]
    seeds: tuple[int, ...]

    def configs(self) -> list[SimulationConfig]:
        return [self.config.replace(seed=seed) for seed in self.seeds]

    def estimate_seconds(self) -> float:
        """A rough estimate from measurements on one machine."""
        config = self.config
        pool = config.pool_problems * config.pool_samples
        test_problems = config.test_problems + config.shifted_problems
        tests = test_problems * config.test_samples
        writer = TRAIN_STEP * (config.writer_train_steps + config.pool_writer_train_steps)
        sampling = PROBLEM * (config.pool_problems + test_problems) + SAMPLE * (pool + tests)
        orm = _training_seconds(config, min(pool, ORM_SOLUTIONS)) + SCORING * tests
        policy = sum(_training_seconds(config, budget) + SCORING * tests for budget in config.counts)
        policy += SCORING * pool * (len(config.counts) - 1)
        return len(self.seeds) * config.layers / 2 * (writer + sampling + orm + len(self.policies) * policy)


def _training_seconds(config: SimulationConfig, examples: int) -> float:
    return EXAMPLE * config.scaled_epochs(examples) * examples


def options_schema() -> dict[str, Any]:
    """Of a simulation without its seed."""
    schema = SimulationConfig.model_json_schema()
    del schema["properties"]["seed"]
    return schema


class SimulationBody(Config):
    """What to simulate. Every field has a default."""

    former_names = {"setting": "config"}  # noqa: RUF012
    size: str = Field(default="small", json_schema_extra={"enum": list(SIZES)})
    """Preset of the options."""
    config: Annotated[dict[str, Any], WithJsonSchema(options_schema())] = Field(default_factory=dict)
    """Options over those of the size, without the seed."""
    policies: Names = DEFAULT_POLICIES
    """IDs of the policies."""
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1, max_length=MAX_SEEDS)] = (0,)
    """Every policy runs once with each seed."""

    @field_validator("size")
    @classmethod
    def _validate_size(cls, size: str) -> str:
        if size not in SIZES:
            raise ValueError(f"must be one of {', '.join(SIZES)}")
        return size

    @field_validator("config")
    @classmethod
    def _validate_config(cls, config: dict[str, Any]) -> dict[str, Any]:
        if "seed" in config:
            raise ValueError('has no seed; write "seeds": [0, 1] beside it')
        return config

    @field_validator("policies")
    @classmethod
    def _validate_policies(cls, policies: tuple[str, ...]) -> tuple[str, ...]:
        if not policies:
            raise Invalid("Choose at least one policy.", remedy=f"Valid policies: {', '.join(POLICIES)}.")
        return require_policies(policies)

    @field_validator("seeds")
    @classmethod
    def _validate_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("must be different numbers")
        return seeds

    def resolve(self) -> SimulationRequest:
        options = {**self.config, "seed": self.seeds[0]}
        return SimulationRequest(resolve_config(SIZES[self.size], options), self.policies, self.seeds)


class SimulationForm(BaseModel):
    """Text fields, so that an invalid form is shown again as it was sent."""

    world: str = "chains"
    size: str = "quick"
    policies: list[str] = list(DEFAULT_POLICIES)
    seeds: str = "1"
    label_noise: str = "0"
    wrong_references: str = "0"

    def parse(self) -> SimulationRequest:
        """`seeds` is a number of seeds; noise and wrong references are percentages."""
        shares = {
            "label_noise": _parse_number(self.label_noise, "Label noise", 0, 100) / 100,
            "wrong_references": _parse_number(self.wrong_references, "Wrong references", 0, 100) / 100,
        }
        seeds = list(range(int(_parse_number(self.seeds, "Seeds", 1, MAX_SEEDS))))
        config = {"world": self.world, **shares}
        return parse_request({"size": self.size, "config": config, "policies": self.policies, "seeds": seeds})

    def preview(self) -> dict[str, Any]:
        """The number of models and the time, or the error of the form."""
        try:
            request = self.parse()
        except Invalid as error:
            return {"error": f"{error.message} {error.remedy}".strip(), "models": 0, "minutes": 0}
        models = len(request.policies) * len(request.config.counts) * len(request.seeds)
        return {"error": "", "models": models, "minutes": math.ceil(request.estimate_seconds() / 60)}


def parse_request(options: Any) -> SimulationRequest:
    return parse_config(SimulationBody, options).resolve()


def resolve_config(size: Mapping[str, Any], options: Mapping[str, Any]) -> SimulationConfig:
    """A size with options over it. A pool or a second test set without an option of its own shrinks to the
    number of problems that the world has."""
    config = parse_config(SimulationConfig, {**size, **options})
    limits: dict[str, int] = {}
    if "shifted_problems" not in options:
        limits["shifted_problems"] = _limit(config.world, config.shifted_problems, 0, shifted=True)
    if "pool_problems" not in options:
        limits["pool_problems"] = _limit(config.world, config.pool_problems, config.test_problems)
    return require_problems(config.replace(**limits))


def _limit(world: str, count: int, reserved: int, *, shifted: bool = False) -> int:
    available = count_problems(world, count + reserved, shifted)
    return count if available == count + reserved else int(0.95 * available) - reserved


def require_problems(config: SimulationConfig) -> SimulationConfig:
    """Invalid if the world has too few different problems for the pool and the tests."""
    plain = config.pool_problems + config.test_problems
    for shifted, needed in ((False, plain), (True, config.shifted_problems)):
        available = count_problems(config.world, needed, shifted)
        if available < needed:
            raise Invalid(
                f"The world {config.world} has only about {available:,} different "
                f"{'longer ' if shifted else ''}problems, but {needed:,} are needed.",
                remedy="Reduce pool_problems, test_problems or shifted_problems, or choose another world.",
            )
    return config


def count_problems(world: str, limit: int, shifted: bool = False) -> int:
    """The number of different problems of a world, counted up to `limit`."""
    chance, statements, repeats = random.Random(0), set[str](), 0  # noqa: S311 - repeatable
    while len(statements) < limit and repeats < MAX_REPEATS:
        statement = WORLDS[world].draw(chance, shifted=shifted).statement
        repeats = repeats + 1 if statement in statements else 0
        statements.add(statement)
    return len(statements)


def _parse_number(value: str, label: str, low: float, high: float) -> float:
    try:
        number = float(value or 0)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise Invalid(f"{label}: enter a number from {low:g} to {high:g}.")
    return number
