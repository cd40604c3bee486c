"""API tokens: a program's credential, with the permissions of its user. Shown once, stored hashed."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from app.accounts import audit
from app.accounts.models import ApiToken, User
from app.accounts.sessions import hash_token
from app.core.errors import Invalid, NotFound

PREFIX = "stepmark_"
MAX_TOKENS = 50


def create_token(
    db: Session, user: User, name: str, days: int | None, now: dt.datetime
) -> tuple[ApiToken, str]:
    """Create a token. Returns the row and the token, which is not stored."""
    name = " ".join(name.split())[:100]
    if not name:
        raise Invalid("The token has no name.", remedy="Name the program that will use the token.")
    if len(list_tokens(db, user)) >= MAX_TOKENS:
        raise Invalid(
            f"You already have {MAX_TOKENS} tokens.", remedy="Revoke a token that you no longer use."
        )
    token = PREFIX + secrets.token_urlsafe(32)
    expires = now + dt.timedelta(days=days) if days else None
    token_row = ApiToken(user_id=user.id, name=name, token_hash=hash_token(token), expires_at=expires)
    db.add(token_row)
    db.flush()
    audit.record_event(db, user, "token.create", name)
    return token_row, token


def revoke_all_tokens(db: Session, user: User, now: dt.datetime) -> int:
    """Revoke every token of the user. Returns how many there were."""
    active = list_tokens(db, user)
    for token in active:
        token.revoked_at = now
    return len(active)


SELECT_ACTIVE_TOKEN: Select[Any] = (  # built once, as sessions.LIVE
    select(ApiToken)
    .options(joinedload(ApiToken.user, innerjoin=True))
    .where(ApiToken.token_hash == bindparam("token_hash"), ApiToken.revoked_at.is_(None))
    .where(or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")))
)


def active_token_query(token: str, now: dt.datetime) -> tuple[Select[Any], dict[str, Any]]:
    return SELECT_ACTIVE_TOKEN, {"token_hash": hash_token(token), "now": now}


def record_use(token: ApiToken, now: dt.datetime) -> User | None:
    """The token's user, with the use recorded; None if the user is disabled."""
    if token.last_used_at is None or now - token.last_used_at > dt.timedelta(minutes=1):
        token.last_used_at = now
    return None if token.user.disabled_at else token.user


def list_tokens(db: Session, user: User) -> list[ApiToken]:
    chosen = select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
    return list(db.scalars(chosen.order_by(ApiToken.id.desc())))


def revoke_token(db: Session, user: User, token_id: int, now: dt.datetime) -> None:
    token = db.get(ApiToken, token_id)
    if token is None or token.user_id != user.id or token.revoked_at is not None:
        raise NotFound("Token not found.", remedy="Reload the page.")
    token.revoked_at = now
    audit.record_event(db, user, "token.revoke", token.name)
