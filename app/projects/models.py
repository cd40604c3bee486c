"""A project, its policy, and who may do what in it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey
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
    show_reference: Mapped[str] = mapped_column(server_default="shown", default="shown")
    overlap: Mapped[int] = mapped_column(server_default="1", default=1)
    lease_minutes: Mapped[int] = mapped_column(server_default="60", default=60)
    created_at: Mapped[Created]
    archived_at: Mapped[Moment | None]

    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
        CheckConstraint("mode IN ('first_error', 'alternatives', 'every_step')", name="mode"),
        CheckConstraint("show_reference IN ('shown', 'hidden', 'after')", name="show_reference"),
        CheckConstraint("overlap BETWEEN 1 AND 99", name="overlap"),
        CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name="lease_minutes"),
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
