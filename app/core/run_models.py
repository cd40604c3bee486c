"""A run is work that takes longer than a request. The table `run` has the shared columns. A kind with
additional columns is a subclass with a narrow table, joined by `run_id`. Only app/core/run_lifecycle.py
writes `state`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base

STATES = "('queued', 'running', 'succeeded', 'failed', 'cancelled')"


class Run(Base):
    __tablename__ = "run"

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    kind: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"), index=True)
    """The round that started this run."""
    state: Mapped[str] = mapped_column(server_default="queued", default="queued")
    attempt: Mapped[int] = mapped_column(server_default="0", default=0)
    fence: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """Increases with every attempt. A process with an older number can change nothing."""
    config: Mapped[Json]
    progress: Mapped[Json]
    """Live. Every kind has "phase"; the rest is the kind's own."""
    results: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    started_at: Mapped[Moment | None]
    heartbeat_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
    cancel_requested_at: Mapped[Moment | None]
    host: Mapped[str | None]
    pid: Mapped[int | None]
    """The process of the attempt, on `host`."""

    __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012  SQLAlchemy reads it
    __table_args__: tuple[SchemaItem, ...] = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("results IS NULL OR state = 'succeeded'", name="results"),
        Index("ix_run_project_id", "project_id", "kind", text("id DESC")),
        Index("ix_run_active", "state", "heartbeat_at", postgresql_where=text("finished_at IS NULL")),
    )


class RunEvent(Base):
    """A change of a run's state: who caused it, when, and why. No user: the system."""

    __tablename__ = "run_event"

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Created]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    attempt: Mapped[int]
    reason: Mapped[str] = mapped_column(server_default="")
