"""A project, its policy, and who may do what in it."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.columns import Created, Key, Moment
from app.core.db import Base

MODES = ("first_error", "alternatives", "every_step")
ROLES = ("labeler", "researcher", "admin")


class Project(Base):
    __tablename__ = "project"

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    mode: Mapped[str] = mapped_column(server_default="first_error", default="first_error")
    instructions: Mapped[str] = mapped_column(server_default="", default="")
    """The newest version (projects/instructions.py); `instructions_number` says which."""
    instructions_number: Mapped[int] = mapped_column(server_default="0", default=0)
    show_reference: Mapped[str] = mapped_column(server_default="shown", default="shown")
    overlap: Mapped[int] = mapped_column(server_default="1", default=1)
    lease_minutes: Mapped[int] = mapped_column(server_default="60", default=60)
    reopening: Mapped[str] = mapped_column(server_default="grace", default="grace")
    """May a labeler take a submission back: never, within the grace time, or while it is open."""
    grace_minutes: Mapped[int] = mapped_column(server_default="10", default=10)
    pause_minutes: Mapped[int] = mapped_column(server_default="50", default=50)
    """Active minutes after which the desk suggests a pause; 0: it does not."""
    created_at: Mapped[Created]
    archived_at: Mapped[Moment | None]

    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
        CheckConstraint("mode IN ('first_error', 'alternatives', 'every_step')", name="mode"),
        CheckConstraint("show_reference IN ('shown', 'hidden', 'after')", name="show_reference"),
        CheckConstraint("overlap BETWEEN 1 AND 99", name="overlap"),
        CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name="lease_minutes"),
        CheckConstraint("reopening IN ('never', 'grace', 'open')", name="reopening"),
        CheckConstraint("grace_minutes BETWEEN 1 AND 1440", name="grace_minutes"),
        CheckConstraint("pause_minutes BETWEEN 0 AND 600", name="pause_minutes"),
    )


class InstructionsVersion(Base):
    """What labelers were told, from when on, and by whom. Never changed."""

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
