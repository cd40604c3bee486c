"""Which labels a snapshot contains. Plain data, checked before anything is read; stored with the snapshot."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.common.config import Config

Source = Literal["people", "verdicts", "model", "rollouts", "external"]
Aggregation = Literal["majority", "dawid_skene"]
TaskKind = Literal["regular", "gold", "screening"]
Whole = Annotated[int, Field(gt=-(2**31), lt=2**31)]


class SnapshotDefinition(Config):
    """The labels of a snapshot."""

    source: Source = "people"
    """people: submitted labels. verdicts: the answer grader's verdicts. model: a model's step
    probabilities. rollouts: the success rates of a generator's rollouts. external: labels in files."""
    aggregation: Aggregation = "majority"
    """How several ratings of a step become one (people only)."""
    model_id: int | None = None
    """The PRM whose scores are the labels (model only)."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """p(negative) above which a step is negative (model only; Lightman et al. 2023, section 3)."""
    generator_id: int | None = None
    """The generator whose rollouts are the labels (rollouts only)."""
    soft: bool = False
    """Use success rates as soft labels, not as positive or negative (rollouts only)."""
    min_rollouts: Annotated[int, Field(ge=1, le=1_024)] = 1
    """Rollouts a step needs to have a label (rollouts only)."""
    external_source: Annotated[str, Field(max_length=100)] | None = None
    """The format or mapping whose labels count (external only). Null: the only one."""
    generations: list[Whole] | None = None
    """Generations whose labels count. Null: all."""
    kinds: Annotated[tuple[TaskKind, ...], Field(strict=False, min_length=1)] = ("regular", "gold")
    """Kinds of tasks whose labels count (people only)."""
    labelers: list[Whole] | None = None
    """User IDs whose labels count (people only). Null: all."""
    cut_at_first_error: bool = True
    """Drop the labels after the first negative step."""
    held_out: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the labeled problems held out for validation if the project has no validation split."""
    seed: Whole = 0
    """Seed of the held-out problems."""

    @model_validator(mode="after")
    def _validate_source_options(self) -> Self:
        if self.aggregation != "majority" and self.source != "people":
            raise ValueError(f"aggregation is for labels of people, not for labels of {self.source}")
        if self.source != "rollouts" and (self.soft or self.generator_id is not None):
            raise ValueError(f"soft and generator_id are for labels of rollouts, not of {self.source}")
        if self.source != "external" and self.external_source is not None:
            raise ValueError(f"external_source is for labels of files, not of {self.source}")
        return self
