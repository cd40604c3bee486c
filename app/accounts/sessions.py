"""Server-side sessions: the cookie holds a random 128-bit id, the table its SHA-256."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session, joinedload

from app.accounts.models import User, UserSession

IDLE = dt.timedelta(hours=12)
ABSOLUTE = dt.timedelta(days=14)
SELECT_ACTIVE_SESSION: Select[Any] = (  # built once: every request asks it
    select(UserSession)
    .options(joinedload(UserSession.user, innerjoin=True))
    .where(UserSession.token_hash == bindparam("token_hash"), UserSession.expires_at > bindparam("now"))
    .where(UserSession.last_seen_at > bindparam("idle_since"))
)


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def create_session(db: Session, user: User, *, now: dt.datetime, address: str = "", agent: str = "") -> str:
    """Create a session and return the token for the cookie. The token is not stored."""
    token = secrets.token_urlsafe(16)
    db.add(
        UserSession(
            token_hash=hash_token(token),
            user_id=user.id,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
            address=address,
            agent=agent[:300],
        )
    )
    db.flush()
    return token


def find_session(db: Session, token: str, *, now: dt.datetime) -> UserSession | None:
    """The session of this cookie, unless it is idle, expired or its user is disabled."""
    session = db.scalar(*active_session_query(token, now))
    return session if session is not None and record_activity(session, now) else None


def active_session_query(token: str, now: dt.datetime) -> tuple[Select[Any], dict[str, Any]]:
    return SELECT_ACTIVE_SESSION, {"token_hash": hash_token(token), "now": now, "idle_since": now - IDLE}


def record_activity(session: UserSession, now: dt.datetime) -> User | None:
    """The session's user, with the activity recorded; None if the user is disabled."""
    if session.user.disabled_at is not None:
        return None
    if now - session.last_seen_at > dt.timedelta(minutes=5):
        session.last_seen_at = now
    return session.user


def end_session(db: Session, token: str) -> None:
    db.execute(delete(UserSession).where(UserSession.token_hash == hash_token(token)))


def end_all_sessions(db: Session, user_id: int) -> None:
    """End all sessions, after a password or role change or when a user is disabled."""
    db.execute(delete(UserSession).where(UserSession.user_id == user_id))


def end_other_sessions(db: Session, user_id: int, except_hash: bytes) -> None:
    db.execute(
        delete(UserSession).where(UserSession.user_id == user_id, UserSession.token_hash != except_hash)
    )


def end_own_session(db: Session, user: User, session_id: int) -> None:
    """End one of the user's own sessions."""
    db.execute(delete(UserSession).where(UserSession.user_id == user.id, UserSession.id == session_id))


def list_sessions(db: Session, user: User, now: dt.datetime) -> list[UserSession]:
    active = select(UserSession).where(UserSession.user_id == user.id, UserSession.expires_at > now)
    active = active.where(UserSession.last_seen_at > now - IDLE)
    return list(db.scalars(active.order_by(UserSession.last_seen_at.desc()).limit(100)))
