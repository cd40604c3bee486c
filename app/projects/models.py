"""Tables of projects, members and instructions."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.column_types import Created, Key, Moment
from app.core.db import Base

ROLES = ("labeler", "researcher", "admin")


class Project(Base):
    __tablename__ = "project"

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    mode: Mapped[str] = mapped_column(server_default="first_error", default="first_error")
    """Id of a labeling mode (app/modes)."""
    instructions: Mapped[str] = mapped_column(server_default="", default="")
    """The newest version (projects/instructions.py); `instructions_number` says which."""
    instructions_number: Mapped[int] = mapped_column(server_default="0", default=0)
    reference_visibility: Mapped[str] = mapped_column(server_default="shown", default="shown")
    overlap: Mapped[int] = mapped_column(server_default="1", default=1)
    lease_minutes: Mapped[int] = mapped_column(server_default="60", default=60)
    reopening: Mapped[str] = mapped_column(server_default="grace", default="grace")
    """May a labeler take a submission back: never, within the grace time, or while it is open."""
    grace_minutes: Mapped[int] = mapped_column(server_default="10", default=10)
    break_reminder_minutes: Mapped[int] = mapped_column(server_default="50", default=50)
    """Active minutes after which the desk suggests a pause; 0: it does not."""
    overlap_share: Mapped[float] = mapped_column(Float, server_default="1", default=1.0)
    """Share of the tasks that go to `overlap` labelers; the others go to one."""
    screening_threshold: Mapped[float] = mapped_column(Float, server_default="0", default=0.0)
    """Share of the screening a new labeler must get right before regular work; 0: no screening."""
    gold_rate: Mapped[float] = mapped_column(Float, server_default="0", default=0.0)
    """How often a labeler is handed a task with a known answer."""
    gold_feedback: Mapped[bool] = mapped_column(server_default="false", default=False)
    gold_threshold: Mapped[float] = mapped_column(Float, server_default="0", default=0.0)
    """A labeler is paused who gets less than this share of their last `gold_window` gold right; 0: never."""
    gold_window: Mapped[int] = mapped_column(server_default="10", default=10)
    verdict_source: Mapped[str] = mapped_column(server_default="grader", default="grader")
    """Whose verdict counts where both have one: the grader's, or that of the file."""
    created_at: Mapped[Created]
    archived_at: Mapped[Moment | None]

    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
        CheckConstraint("mode ~ '^[a-z][a-z_]{0,39}$'", name="mode"),
        CheckConstraint("reference_visibility IN ('shown', 'hidden', 'after')", name="reference_visibility"),
        CheckConstraint("overlap BETWEEN 1 AND 99", name="overlap"),
        CheckConstraint("verdict_source IN ('grader', 'file')", name="verdict_source"),
        CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name="lease_minutes"),
        CheckConstraint("reopening IN ('never', 'grace', 'open')", name="reopening"),
        CheckConstraint("grace_minutes BETWEEN 1 AND 1440", name="grace_minutes"),
        CheckConstraint("break_reminder_minutes BETWEEN 0 AND 600", name="break_reminder_minutes"),
        CheckConstraint("overlap_share BETWEEN 0 AND 1", name="overlap_share"),
        CheckConstraint("screening_threshold BETWEEN 0 AND 1", name="screening_threshold"),
        CheckConstraint("gold_rate BETWEEN 0 AND 0.5", name="gold_rate"),
        CheckConstraint("gold_threshold BETWEEN 0 AND 1", name="gold_threshold"),
        CheckConstraint("gold_window BETWEEN 1 AND 1000", name="gold_window"),
    )


class InstructionsVersion(Base):
    """A published version of the instructions. Never changed."""

    __tablename__ = "instructions_version"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Created]


class InstructionsRead(Base):
    """A member has read this version."""

    __tablename__ = "instructions_read"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[Created]

    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "number"],
            ["instructions_version.project_id", "instructions_version.number"],
            ondelete="CASCADE",
        ),
    )


class Membership(Base):
    __tablename__ = "membership"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str]
    created_at: Mapped[Created]

    __table_args__ = (CheckConstraint("role IN ('labeler', 'researcher', 'admin')", name="role"),)
