"""The request bodies and answers of the JSON API of training."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.common.config import Config
from app.core.api import Answer, Page, RunAnswer, RunProgress
from app.prm.base_facts import BaseFacts
from app.prm.config import TrainConfig
from app.training.models import Model, Snapshot, TrainingRun
from app.training.snapshot_definition import SnapshotDefinition
from app.training.warnings import list_warnings


class TrainingRequest(Config):
    """What to train on, and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"train": {"size": "small", "epochs": 3}, "data": {"generations": [0, 1]}}]
        }
    )

    train: TrainConfig = TrainConfig()
    """Options of the training run."""
    data: SnapshotDefinition = SnapshotDefinition()
    """Which labels. A snapshot of them is created when the run starts."""
    snapshot_id: Annotated[int | None, Field(gt=0, lt=2**63)] = None
    """An existing snapshot, instead of `data`."""


class ValidationMetrics(Answer):
    """Metrics on held-out steps, or on held-out solutions for an ORM."""

    step: int | None = None
    """Optimizer step of the evaluation."""
    loss: float | None = None
    """Mean loss of the labeled points, in the objective's unit."""
    accuracy: float | None = None
    """Share of correct classes, 0 to 1."""
    always_positive: float | None = None
    """Accuracy of rating everything positive, 0 to 1."""
    negative_auc: float | None = None
    """Probability that a negative point has a higher p(negative) than another one; 0.5 is chance."""
    steps: int | None = None
    """Number of points."""


class SplitMetrics(Answer):
    """What a split of the snapshot came to."""

    solutions: int
    """Solutions with a label."""
    labels_cut: int = 0
    """Labels of steps beyond max_length."""
    negative_labels_cut: int = 0
    """The negative ones among them."""
    solutions_without_label: int = 0
    """Solutions without a label for the objective."""


class LayoutMetrics(Answer):
    """How rows were arranged in micro-batches."""

    used: str
    """The layout that was used."""
    instead_because: str | None = None
    """Why another layout was used than requested."""


class TokenMetrics(Answer):
    """Tokens of the training."""

    per_batch: int
    """Tokens per micro-batch."""
    computed: int
    """Tokens that were computed."""
    of_rows: int
    """Tokens of all rows: more than computed where prefixes were shared."""


class ModelMetrics(Answer):
    """What the training of a model measured."""

    best: ValidationMetrics | None = None
    """At the published weights. Null if nothing was held out."""
    train: SplitMetrics | None = None
    """The training split."""
    validation: SplitMetrics | None = None
    """The validation split."""
    steps: int | None = None
    """Optimizer steps of the whole run."""
    stopped_early_at: int | None = None
    """The step at which it stopped early. Null if it did not."""
    layout: LayoutMetrics | None = None
    """How rows were arranged."""
    tokens: TokenMetrics | None = None
    """Tokens of the training."""
    notes: list[str] = Field(default_factory=list)
    """Adjustments during the run, such as smaller micro-batches."""
    made_elsewhere: bool = False
    """Whether the model was imported from a folder."""


class TrainingProgress(RunProgress):
    """What a training run does now. `done` and `total` are optimizer steps."""

    step: int | None = None
    """Optimizer steps done."""
    steps: int | None = None
    """Optimizer steps of the whole run."""
    frozen: int | None = None
    """Solutions of the new snapshot, while it is created."""
    loss: float | None = None
    """Loss of the newest optimizer step."""
    lr: float | None = None
    """Learning rate of the newest optimizer step."""
    examples_per_s: float | None = None
    """Training examples per second."""
    validation: ValidationMetrics | None = None
    """The newest evaluation."""


class TrainingRunOut(RunAnswer):
    """A training run."""

    snapshot_id: int | None
    """The labels. Null until the run has created their snapshot."""
    data: SnapshotDefinition | None
    """Which labels. Null for a run on an existing snapshot."""
    config: TrainConfig
    """Options of the training."""
    attempt: int
    """Number of the current attempt; 0 before the first."""
    device: str | None
    """Device of the training. Null before it starts."""
    host: str | None
    """Machine of the training. Null before it starts."""
    progress: TrainingProgress
    """What it does now."""
    heartbeat_at: dt.datetime | None
    """Last sign of life of its process."""
    cancel_requested_at: dt.datetime | None
    """When somebody asked to cancel it."""
    model_id: int | None
    """The model it published. Null before that."""
    warnings: list[str]
    """Negative labels that were cut off, in words."""


class TrainingRunPage(Page):
    """Training runs, newest first."""

    training_runs: list[TrainingRunOut]
    """At most 100."""


class TrainingCurve(Answer):
    """The loss curve as columns of equal length, at most 1,000 points and all evaluations."""

    step: list[int]
    """Optimizer steps."""
    loss: list[float | None]
    """Training loss."""
    validation_loss: list[float | None]
    """Validation loss; null between evaluations."""


class TrainingRunDetail(TrainingRunOut):
    """A training run with its loss curve."""

    curve: TrainingCurve
    """The loss curve so far."""


class ModelOut(Answer):
    """A model: a PRM or an ORM."""

    id: int
    """ID of the model."""
    name: str
    """Its name."""
    kind: Literal["prm", "orm"]
    """prm scores steps, orm scores solutions."""
    config: TrainConfig
    """Options of its training."""
    metrics: ModelMetrics
    """What its training measured."""
    training_run_id: int | None
    """The run that published it. Null for an imported model."""
    snapshot_id: int | None
    """The labels it was trained on. Null for an imported model."""
    weights_hash: str
    """SHA-256 of its weights, in hexadecimal."""
    created_at: dt.datetime
    """When it was published."""


class BaseModelOut(Answer):
    """A registered base model."""

    name: str
    """Its name, for `train.base`."""
    facts: BaseFacts
    """What was recorded when it was registered."""


class BaseModelList(Answer):
    """The registered base models."""

    base_models: list[BaseModelOut]
    """By name."""


class ModelPage(Page):
    """Models, newest first."""

    models: list[ModelOut]
    """At most 100."""


class SnapshotCounts(Answer):
    """The labels of a snapshot."""

    solutions: int = 0
    """Solutions with a label."""
    train_solutions: int = 0
    """Of them, for training."""
    validation_solutions: int = 0
    """Of them, for validation."""
    labeled_steps: int = 0
    """Labeled steps."""
    positive: int = 0
    """Positive labels."""
    neutral: int = 0
    """Neutral labels."""
    negative: int = 0
    """Negative labels."""
    adjudicated: int = 0
    """Labels set by adjudication."""
    settled: int = 0
    """Labels of steps whose ratings have no majority."""
    changed: int = 0
    """Labels that differ from the majority of their ratings."""
    held_out: float = 0.0
    """Share of the problems held out for validation, 0 to 1."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Labels that were dropped, by reason."""


class SnapshotOut(Answer):
    """An immutable set of labels."""

    id: int
    """ID of the snapshot."""
    definition: SnapshotDefinition
    """Which labels it has."""
    counts: SnapshotCounts
    """How many."""
    hash: str
    """SHA-256 of its labels, in hexadecimal."""
    created_at: dt.datetime
    """When it was created."""


def build_training_run(run: TrainingRun, model: Model | None) -> TrainingRunOut:
    return TrainingRunOut.build(run, model_id=model.id if model else None, warnings=list_warnings(run))


def build_model(model: Model) -> ModelOut:
    return ModelOut.build(model, weights_hash=model.weights_hash.hex())


def build_snapshot(snapshot: Snapshot) -> SnapshotOut:
    return SnapshotOut.build(snapshot, hash=snapshot.hash.hex())
