"""Tables of users, sessions, tokens, invitations and the audit log."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.column_types import Created, Json, Key, Moment
from app.core.db import Base


class User(Base):
    """A user. Users without an email came with imported labels and cannot sign in."""

    __tablename__ = "user_account"

    id: Mapped[Key]
    uuid: Mapped[UUID] = mapped_column(unique=True, default=uuid4, server_default=func.gen_random_uuid())
    email: Mapped[str | None]
    name: Mapped[str] = mapped_column(server_default="")
    password_hash: Mapped[str | None]
    is_admin: Mapped[bool] = mapped_column(server_default="false", default=False)
    preferences: Mapped[Json]
    created_at: Mapped[Created]
    disabled_at: Mapped[Moment | None]

    __table_args__ = (Index("uq_user_account_email", text("lower(email)"), unique=True),)


class UserSession(Base):
    """A signed-in browser: the cookie's random id is stored hashed (sha256)."""

    __tablename__ = "user_session"

    id: Mapped[Key]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Created]
    last_seen_at: Mapped[Created]
    expires_at: Mapped[Moment]
    address: Mapped[str] = mapped_column(server_default="")
    agent: Mapped[str] = mapped_column(server_default="")

    user: Mapped[User] = relationship()


class ApiToken(Base):
    __tablename__ = "api_token"

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[Created]
    expires_at: Mapped[Moment | None]
    last_used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]

    user: Mapped[User] = relationship()


class Invitation(Base):
    """A one-use link that creates an account or a membership."""

    __tablename__ = "invitation"

    id: Mapped[Key]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]
    expires_at: Mapped[Moment]
    accepted_at: Mapped[Moment | None]
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    __table_args__ = (CheckConstraint("role IN ('labeler', 'researcher', 'admin')", name="role"),)


class LoginAttempt(Base):
    """Sign-in attempts, for the throttle. Rows older than a day are deleted."""

    __tablename__ = "login_attempt"

    id: Mapped[Key]
    account: Mapped[str]
    address: Mapped[str]
    succeeded: Mapped[bool]
    at: Mapped[Created]

    __table_args__ = (
        Index("ix_login_attempt_account_at", "account", "at"),
        Index("ix_login_attempt_address_at", "address", "at"),
    )


class AuditEvent(Base):
    """Who changed what, when. Written by accounts.audit.record, never updated."""

    __tablename__ = "audit_event"

    id: Mapped[Key]
    at: Mapped[Created]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id", ondelete="SET NULL"), index=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="")
    detail: Mapped[Json]
    address: Mapped[str] = mapped_column(server_default="")
