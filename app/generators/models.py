"""Tables of generators, sampling runs and rollouts."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts import models as _people  # noqa: F401  a foreign key names its table
from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base
from app.core.run_models import Run
from app.projects import models as _projects  # noqa: F401  likewise


class Generator(Base):
    """A server with the OpenAI API or a local model that samples solutions. Generators are immutable so every
    solution can be traced to its settings."""

    __tablename__ = "generator"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str]
    """Stored with its solutions as `generator`."""
    kind: Mapped[str]
    base_url: Mapped[str | None]
    """URL of a server, up to /v1."""
    model: Mapped[str]
    """Model name on the server, or local folder."""
    api_key_env: Mapped[str | None]
    """Environment variable with the API key. The key itself is never stored."""
    config: Mapped[Json]
    """generators/config.py"""
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    retired_at: Mapped[Moment | None]

    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        CheckConstraint("kind IN ('openai', 'transformers')", name="kind"),
        CheckConstraint("(kind = 'openai') = (base_url IS NOT NULL)", name="base_url"),
    )


class SamplingRun(Run):
    """A job for a generator. Missing samples are counted from the stored ones, never from this row.
    `config` of pool runs: {"per_problem", "count_from", "duplicates", "splits", "subject", "level"}."""

    __tablename__ = "sampling_run"

    id: Mapped[int] = mapped_column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    generator_id: Mapped[int] = mapped_column(ForeignKey("generator.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str]
    total: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """Missing samples when the run was created."""
    counters: Mapped[Json]
    """{"stored", "requests", "retries", "prompt_tokens", "completion_tokens", "seconds", ...}."""

    generator: Mapped[Generator] = relationship()

    __mapper_args__ = {"polymorphic_identity": "sampling", "polymorphic_load": "selectin"}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("purpose IN ('trial', 'pool', 'rollouts', 'alternatives')", name="purpose"),
    )


class SamplingItem(Base):
    """A unit of a run: a problem to sample for, or a solution that needs rollouts or alternatives. The
    process that works on it holds an advisory lock on its id, which ends with the process."""

    __tablename__ = "sampling_item"

    id: Mapped[Key]
    sampling_run_id: Mapped[int] = mapped_column(ForeignKey("sampling_run.run_id", ondelete="CASCADE"))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problem.id", ondelete="CASCADE"), index=True)
    solution_id: Mapped[int | None] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), index=True)
    target_count: Mapped[int]
    """Missing samples when the run was created."""
    sample_count: Mapped[int] = mapped_column(server_default="0", default=0)
    """Samples received, usable or not."""
    errors: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    error: Mapped[str | None]
    detail: Mapped[dict | None] = mapped_column(JSONB)
    """For alternatives: the task to create when they are ready."""

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'succeeded', 'failed')", name="state"),
        Index("ix_sampling_item_sampling_run_id_state_id", "sampling_run_id", "state", "id"),
    )


class SamplingError(Base):
    """A failed request or an unusable sample. Never contains an API key."""

    __tablename__ = "sampling_error"

    id: Mapped[Key]
    sampling_run_id: Mapped[int] = mapped_column(
        ForeignKey("sampling_run.run_id", ondelete="CASCADE"), index=True
    )
    problem_id: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[str]
    created_at: Mapped[Created]


class Rollout(Base):
    """Counts of rollouts that continue the first `position + 1` steps of a solution, and of the correct ones.
    A label source separate from people."""

    __tablename__ = "rollout"

    generator_id: Mapped[int] = mapped_column(
        ForeignKey("generator.id", ondelete="CASCADE"), primary_key=True
    )
    solution_id: Mapped[int] = mapped_column(ForeignKey("solution.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    rollout_count: Mapped[int]
    correct_count: Mapped[int]
    unparseable: Mapped[int] = mapped_column(server_default="0", default=0)
    """Rollouts without a readable answer; they count as incorrect."""

    __table_args__ = (
        CheckConstraint(
            "rollout_count > 0 AND correct_count >= 0 AND correct_count + unparseable <= rollout_count",
            name="counts",
        ),
        CheckConstraint("position >= 0", name="position"),
        Index("ix_rollout_solution_id", "solution_id"),
    )


class AlternativeSettings(Base):
    """Alternatives before queueing: which generator creates them, and how many. No row: none."""

    __tablename__ = "alternative_settings"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    generator_id: Mapped[int] = mapped_column(ForeignKey("generator.id", ondelete="CASCADE"), index=True)
    alternative_count: Mapped[int] = mapped_column(SmallInteger)
    """Alternatives per step."""
    positions: Mapped[str]
    """every, or suspect for the suspected step only."""
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    updated_at: Mapped[Created]

    __table_args__ = (
        CheckConstraint("positions IN ('every', 'suspect')", name="positions"),
        CheckConstraint("alternative_count BETWEEN 1 AND 20", name="alternative_count"),
    )
