"""Create, find and disable users, and set their passwords."""

from __future__ import annotations

import datetime as dt
import re
import secrets

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import audit, sessions, tokens
from app.accounts.models import User
from app.accounts.passwords import hash_password
from app.core.errors import Conflict, Invalid, NotFound

EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
FIRST_ADMIN = "admin@localhost"


def validate_email(email: str) -> str:
    email = email.strip()
    if not EMAIL.fullmatch(email):
        raise Invalid(f"{email[:80]!r} is not an email address.", remedy="Use the form name@example.org.")
    return email


def find_user(db: Session, email: str) -> User | None:
    return db.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


def get_user_by_email(db: Session, email: str) -> User:
    user = find_user(db, email)
    if user is None:
        raise NotFound(
            f"No user with the email {email[:80]}.", remedy="Run `stepmark user list` to list all users."
        )
    return user


def create_user(
    db: Session, email: str, *, name: str = "", password: str | None = None, is_admin: bool = False
) -> User:
    """Create a user. Raises Conflict if the email is taken."""
    email = validate_email(email)
    if find_user(db, email) is not None:
        raise Conflict(f"{email} already has an account.", remedy="Add it to the project instead.")
    user = User(email=email, name=name.strip()[:200], is_admin=is_admin)
    user.password_hash = hash_password(password) if password is not None else None
    db.add(user)
    db.flush()
    return user


def upsert_user(db: Session, email: str, password: str, *, name: str = "", is_admin: bool = False) -> User:
    """Get or create the user with this email, and set the password."""
    user = find_user(db, email) or create_user(db, email, name=name, is_admin=is_admin)
    user.password_hash = hash_password(password)
    user.is_admin = user.is_admin or is_admin
    db.flush()
    return user


def ensure_first_admin(db: Session) -> tuple[str, str] | None:
    """Create an admin with a random password on a server where nobody can sign in."""
    can_sign_in = select(User.id).where(User.password_hash.is_not(None), User.disabled_at.is_(None)).limit(1)
    if db.scalar(can_sign_in) is not None:
        return None
    password = new_password()
    upsert_user(db, FIRST_ADMIN, password, name="Admin", is_admin=True)
    audit.record_event(db, None, "user.first_admin", FIRST_ADMIN)
    return FIRST_ADMIN, password


def new_password() -> str:
    return secrets.token_urlsafe(12)


def set_password(db: Session, user: User, password: str) -> None:
    """Set the password, end all sessions of the user and revoke their API tokens."""
    user.password_hash = hash_password(password)
    sessions.end_all_sessions(db, user.id)
    tokens.revoke_all_tokens(db, user, dt.datetime.now(dt.UTC))
    db.flush()


def disable_user(db: Session, user: User, actor: User | None, now: dt.datetime) -> None:
    if actor is not None and actor.id == user.id:
        raise Conflict("You cannot disable yourself.", remedy="Ask another site admin.")
    user.disabled_at = now
    sessions.end_all_sessions(db, user.id)
    tokens.revoke_all_tokens(db, user, now)
    audit.record_event(db, actor, "user.disable", user.email or str(user.uuid))


def enable_user(db: Session, user: User, actor: User | None) -> None:
    user.disabled_at = None
    audit.record_event(db, actor, "user.enable", user.email or str(user.uuid))


def set_site_admin(db: Session, user: User, is_admin: bool, actor: User | None) -> None:
    if actor is not None and actor.id == user.id and not is_admin:
        raise Conflict("You cannot remove your own role.", remedy="Ask another site admin.")
    user.is_admin = is_admin
    sessions.end_all_sessions(db, user.id)
    audit.record_event(db, actor, "user.admin", user.email or "", {"is_admin": is_admin})


PAGE = 100


def search_users(db: Session, query: str, after: str = "") -> list[User]:
    """Users by email or name, one more than a page, ordered by email. Leaves out imported labelers."""
    chosen = select(User).where(User.email.is_not(None), func.lower(User.email) > after.lower())
    if query.strip():
        chosen = chosen.where(
            func.lower(User.email).contains(query.strip().lower(), autoescape=True)
            | func.lower(User.name).contains(query.strip().lower(), autoescape=True)
        )
    return list(db.scalars(chosen.order_by(func.lower(User.email)).limit(PAGE + 1)))


def find_user_by_id(db: Session, user_id: int | None) -> User | None:
    """The user, or None for what a command or the loop created."""
    return None if user_id is None else db.get(User, user_id)


def get_user(db: Session, user_id: int) -> User:
    user = db.get(User, user_id)
    if user is None or user.email is None:
        raise NotFound("User not found.", remedy="Reload the page.")
    return user


def change_password(
    db: Session, user: User, new: str, session_hash: bytes, *, revoke_tokens: bool = True
) -> int:
    """Change the user's own password. The session with `session_hash` stays signed in. Returns the number of
    API tokens that were revoked."""
    user.password_hash = hash_password(new)
    sessions.end_other_sessions(db, user.id, session_hash)
    revoked = tokens.revoke_all_tokens(db, user, dt.datetime.now(dt.UTC)) if revoke_tokens else 0
    audit.record_event(db, user, "user.password", user.email or "", {"revoked_tokens": revoked})
    return revoked
