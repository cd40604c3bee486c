"""Snapshots of labels, training runs over them, and the models they published."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Json, Key
from app.core.db import Base
from app.core.run_models import Run


class Snapshot(Base):
    """An immutable, hashed set of labels. `hash` is over its items in order."""

    __tablename__ = "snapshot"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    definition: Mapped[Json]
    """Which labels: {"generations": [...] or null, "cut_at_first_error": true, ...}."""
    counts: Mapped[Json]
    """{"solutions", "labeled_steps", "positive", "neutral", "negative", "dropped": {...}}."""
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]


class SnapshotItem(Base):
    """One training example, frozen: a chain of steps and a target for each."""

    __tablename__ = "snapshot_item"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshot.id", ondelete="CASCADE"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"))
    assignment_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    split: Mapped[str]
    """train or validation; a test problem can never be here."""
    steps: Mapped[list[str]] = mapped_column(ARRAY(Text))
    targets: Mapped[list[int | None]] = mapped_column(ARRAY(SmallInteger))
    """-1, 0, 1 a step; null where it carries no label. As long as steps."""
    values: Mapped[list[float | None] | None] = mapped_column(ARRAY(REAL))
    """Soft labels: a share between 0 and 1 a step, null where it carries none; null: there are none."""

    __table_args__ = (
        CheckConstraint("split IN ('train', 'validation')", name="split"),
        CheckConstraint("cardinality(steps) = cardinality(targets)", name="targets"),
        CheckConstraint(
            "array_remove(targets, NULL) <@ ARRAY[-1, 0, 1]::smallint[]",
            name="target_values",
        ),
        CheckConstraint('cardinality("values") = cardinality(steps)', name="values"),
    )


class TrainingRun(Run):
    """A run of the trainer. `progress`: {"phase", "step", "steps", "loss", "examples_per_s",
    "seconds_left"}."""

    __tablename__ = "training_run"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshot.id"))
    """Null until its process has frozen the labels that `data` names (snapshots.py)."""
    data: Mapped[dict | None] = mapped_column(JSONB)
    """A snapshot's definition; null where the run was given a snapshot."""
    device: Mapped[str | None]

    __mapper_args__ = {"polymorphic_identity": "training", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (CheckConstraint("snapshot_id IS NOT NULL OR data IS NOT NULL", name="labels"),)


class TrainingPoint(Base):
    """The loss curve. A resumed run overwrites the points it repeats."""

    __tablename__ = "training_point"

    training_run_id: Mapped[int] = mapped_column(
        ForeignKey("training_run.run_id", ondelete="CASCADE"), primary_key=True
    )
    step: Mapped[int] = mapped_column(primary_key=True)
    metrics: Mapped[dict] = mapped_column(JSONB)
    """{"loss", "lr", "examples_per_s", "validation_loss"?}."""
    created_at: Mapped[Created]


class Model(Base):
    """A published PRM or ORM: a folder of safetensors under the models directory."""

    __tablename__ = "model"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="prm", default="prm")
    path: Mapped[str]
    """Relative to the models directory."""
    weights_hash: Mapped[bytes] = mapped_column(LargeBinary)
    config: Mapped[Json]
    metrics: Mapped[Json]
    training_run_id: Mapped[int | None] = mapped_column(ForeignKey("training_run.run_id"), unique=True)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshot.id"))
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("kind IN ('prm', 'orm')", name="kind"),)
