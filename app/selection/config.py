"""The config of a round: which labels, which model, what to queue. Checked where it comes in (the form,
the API, a JSON file) and stored with the round."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.core.validation import parse_model
from app.prm.config import ScoreConfig, TrainConfig
from app.selection import mixtures
from app.selection.gate import GateConfig
from app.selection.strategies import STRATEGIES, resolve_id
from app.training.snapshot_definition import SnapshotDefinition

QUEUEABLE_SPLITS = ("train", "validation")


def default_shares() -> dict[str, float]:
    return mixtures.complete_shares(mixtures.DEFAULT.shares)


class Policy(BaseModel):
    """What to queue. The default mixture is that of Lightman et al. 2023, section 4.2."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=200, ge=1, le=1_000_000, strict=True, description="Solutions to queue.")
    shares: dict[str, Annotated[float, Field(strict=True)]] = Field(
        default_factory=default_shares,
        description=f"The mixture, by strategy: {', '.join(STRATEGIES)}. Any numbers; they are scaled to 1.",
    )
    per_problem: int = Field(
        default=4,
        ge=1,
        le=10_000,
        strict=True,
        description="Maximum solutions of one problem in the generation.",
    )
    splits: tuple[str, ...] = Field(
        default=("train",), description="Candidate problems: train, validation or both. Never test."
    )
    seed: int = Field(default=0, strict=True, description="Random seed.")

    @field_validator("shares")
    @classmethod
    def _check_shares(cls, shares: dict[str, float]) -> dict[str, float]:
        for name, share in shares.items():
            if resolve_id(name) not in STRATEGIES:
                raise ValueError(f"unknown strategy {name!r}; valid strategies: {', '.join(STRATEGIES)}")
            if not 0 <= share <= 1_000:
                raise ValueError(f"the share of {name} must be 0 or more")
        if not sum(shares.values()) > 0:
            raise ValueError("every share is 0, so nothing would be queued; give a strategy a share")
        return mixtures.complete_shares(shares)

    @field_validator("splits")
    @classmethod
    def _check_splits(cls, splits: tuple[str, ...]) -> tuple[str, ...]:
        if "test" in splits:
            raise ValueError(
                "Test problems are never queued, because their labels would leak into the evaluation"
            )
        if not splits or set(splits) - set(QUEUEABLE_SPLITS):
            raise ValueError(f"must be {' or '.join(QUEUEABLE_SPLITS)}, or both")
        return splits


class RoundConfig(BaseModel):
    """`data` is the snapshot's definition; `train` and `score` are the configs of their runs. With a
    `model_id` no snapshot is made and nothing is trained: that model selects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Policy = Field(default_factory=lambda: Policy(), description="What to queue.")
    data: SnapshotDefinition = Field(
        default_factory=SnapshotDefinition,
        description="Which labels to train on: the definition of a snapshot.",
    )
    train: TrainConfig = Field(default_factory=TrainConfig, description="Training options.")
    score: ScoreConfig = Field(default_factory=ScoreConfig, description="Scoring options.")
    gate: GateConfig = Field(
        default_factory=lambda: GateConfig(), description="What to do if the gate does not pass."
    )
    model_id: int | None = Field(
        default=None, strict=True, description="Select with this model instead of training a new one."
    )

    def as_json(self) -> dict[str, Any]:
        """Complete, but for the options of the child runs: only those that were set."""
        chosen = self.model_dump(mode="json", exclude_unset=True)
        child_options = {name: chosen.get(name, {}) for name in ("data", "train", "score")}
        return self.model_dump(mode="json") | child_options


def parse(data: Any) -> RoundConfig:
    """A config from JSON. Unknown and invalid options raise Invalid, which names them."""
    return parse_model(RoundConfig, data, "round config")
