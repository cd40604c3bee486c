"""Signing in, and the throttle that stands before the hashing."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.accounts import sessions, users
from app.accounts.models import LoginAttempt, User
from app.accounts.passwords import verify_password
from app.core.errors import Forbidden, TooMany

WINDOW = dt.timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 8, 40
RETENTION = dt.timedelta(days=1)


def throttle_delay(db: Session, account: str, address: str, now: dt.datetime) -> dt.timedelta | None:
    """How long this account or address must wait: failures in the window are counted, and a
    success forgets an account's. None: go ahead."""
    failed = select(func.count(), func.min(LoginAttempt.at)).where(
        LoginAttempt.succeeded.is_(False), LoginAttempt.at > now - WINDOW
    )
    since = select(func.coalesce(func.max(LoginAttempt.at), now - WINDOW)).where(
        LoginAttempt.account == account, LoginAttempt.address == address, LoginAttempt.succeeded
    )
    by_account = failed.where(
        LoginAttempt.account == account,
        LoginAttempt.address == address,
        LoginAttempt.at > since.scalar_subquery(),
    )
    for query, limit in (
        (by_account, PER_ACCOUNT),
        (failed.where(LoginAttempt.account == account), PER_ACCOUNT * 5),
        (failed.where(LoginAttempt.address == address), PER_ADDRESS),
    ):
        count, first = db.execute(query).one()
        if count >= limit:
            return first + WINDOW - now
    return None


def check_credentials(
    db: Session, email: str, password: str, address: str, now: dt.datetime
) -> User | dt.timedelta | None:
    """The user; None for a wrong email or password (which of them is never said); or how long
    to wait. Every try is noted, so this never raises: a rollback would forget it."""
    account = email.strip().lower()[:300]
    _lock_account(db, account)
    if (pause := throttle_delay(db, account, address, now)) is not None:
        return pause
    user = users.find_user(db, account)
    usable = user is not None and user.disabled_at is None
    good = verify_password(user.password_hash if user and usable else None, password)
    db.add(LoginAttempt(account=account, address=address, succeeded=good, at=now))
    db.execute(delete(LoginAttempt).where(LoginAttempt.at < now - RETENTION))
    db.flush()
    return user if good else None


def verify_again(db: Session, user: User, password: str, address: str, now: dt.datetime) -> None:
    """The password of someone signed in, before it is changed: counted like a login, so that
    a borrowed browser is no place to guess. Caught, never let through: a rollback would forget it."""
    result = check_credentials(db, user.email or "", password, address, now)
    if isinstance(result, dt.timedelta):
        minutes = max(1, round(result.total_seconds() / 60))
        raise TooMany("Too many tries.", remedy=f"Wait {minutes} min, then try again.")
    if result is None:
        raise Forbidden("That is not your password.", remedy="Type the one you sign in with.")


def _lock_account(db: Session, account: str) -> None:
    """Guesses sent all at once must be counted one after the other."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("login:" + account, 0))))


def start_session(
    db: Session, user: User, *, now: dt.datetime, address: str, agent: str, old: str | None
) -> str:
    """A new session; the browser's old one ends."""
    if old:
        sessions.end_session(db, old)
    return sessions.create_session(db, user, now=now, address=address, agent=agent)
