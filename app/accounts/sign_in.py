"""Check credentials, behind a throttle that comes before the hashing."""

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
    """How long this account or address must wait; None if it may try.

    Counts failures in the window. A success resets the count of its account."""
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
    """The user; None for a wrong email or password; or how long to wait.

    Records every attempt, so it never raises: a rollback would lose the record."""
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
    """Check the current password before a change, counted as a sign-in attempt.

    Callers catch the error instead of letting it through: a rollback would lose the record."""
    result = check_credentials(db, user.email or "", password, address, now)
    if isinstance(result, dt.timedelta):
        minutes = max(1, round(result.total_seconds() / 60))
        raise TooMany("Too many attempts.", remedy=f"Wait {minutes} min, then try again.")
    if result is None:
        raise Forbidden("Incorrect password.", remedy="Enter your current password.")


def _lock_account(db: Session, account: str) -> None:
    """Serialize attempts, so that simultaneous guesses are all counted."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("login:" + account, 0))))


def start_session(
    db: Session, user: User, *, now: dt.datetime, address: str, agent: str, old: str | None
) -> str:
    """Start a session and end the browser's old one."""
    if old:
        sessions.end_session(db, old)
    return sessions.create_session(db, user, now=now, address=address, agent=agent)
