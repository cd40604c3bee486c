"""API tokens: a program's way in, as the person who made it. Shown once, stored hashed."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from app.accounts import audit
from app.accounts.models import ApiToken, User
from app.accounts.sessions import hashed
from app.core.errors import Invalid, NotFound

PREFIX = "stepmark_"
MOST = 50


def make(db: Session, user: User, name: str, days: int | None, now: dt.datetime) -> tuple[ApiToken, str]:
    """The row, and the token, which is stored nowhere."""
    name = " ".join(name.split())[:100]
    if not name:
        raise Invalid("A token needs a name.", remedy="Name what will use it, so that you know it later.")
    if len(of_user(db, user)) >= MOST:
        raise Invalid(f"{MOST} tokens are enough.", remedy="Revoke one that nothing uses.")
    token = PREFIX + secrets.token_urlsafe(32)
    expires = now + dt.timedelta(days=days) if days else None
    made = ApiToken(user_id=user.id, name=name, token_hash=hashed(token), expires_at=expires)
    db.add(made)
    db.flush()
    audit.record(db, user, "token.create", name)
    return made, token


LIVE: Select[Any] = (  # built once, as sessions.LIVE
    select(ApiToken)
    .options(joinedload(ApiToken.user, innerjoin=True))
    .where(ApiToken.token_hash == bindparam("token_hash"), ApiToken.revoked_at.is_(None))
    .where(or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")))
)


def live(token: str, now: dt.datetime) -> tuple[Select[Any], dict[str, Any]]:
    return LIVE, {"token_hash": hashed(token), "now": now}


def used(found: ApiToken, now: dt.datetime) -> User | None:
    """Whose it is, noting that it was used; None for the disabled."""
    if found.last_used_at is None or now - found.last_used_at > dt.timedelta(minutes=1):
        found.last_used_at = now
    return None if found.user.disabled_at else found.user


def of_user(db: Session, user: User) -> list[ApiToken]:
    chosen = select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
    return list(db.scalars(chosen.order_by(ApiToken.id.desc())))


def revoke(db: Session, user: User, token_id: int, now: dt.datetime) -> None:
    found = db.get(ApiToken, token_id)
    if found is None or found.user_id != user.id or found.revoked_at is not None:
        raise NotFound("There is no such token.", remedy="Look at the list again.")
    found.revoked_at = now
    audit.record(db, user, "token.revoke", found.name)
