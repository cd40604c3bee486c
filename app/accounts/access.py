"""Who is asking. Every route names one of these rules (or one of projects.access)
in its signature; a route without a rule fails a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts import sessions
from app.accounts.models import ApiToken, User
from app.core.db import Db
from app.core.errors import Forbidden, NotSignedIn
from app.settings import settings

F = TypeVar("F", bound=Callable[..., object])
# Rules that wait for nothing are `async def`: they cost no hop to a thread.
RULES: set[Callable[..., object]] = set()


def rule(function: F) -> F:
    """Marks a dependency as an access rule, for the test that walks the routes."""
    RULES.add(function)
    return function


def cookie_name() -> str:
    return "__Host-stepmark" if settings().secure_cookies else "stepmark"


@rule
async def public() -> None:
    """Anyone, signed in or not."""


def user_of(request: Request, db: Db) -> User | None:
    """The signed-in user. A bearer token and a cookie never mix: with an
    Authorization header the cookie is not looked at."""
    now = dt.datetime.now(dt.UTC)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _user_of_token(db, authorization, now)
    token = request.cookies.get(cookie_name())
    found = sessions.find(db, token, now=now) if token else None
    return found.user if found else None


def _user_of_token(db: Db, authorization: str, now: dt.datetime) -> User | None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    found = db.scalar(
        select(ApiToken)
        .options(joinedload(ApiToken.user))
        .where(ApiToken.token_hash == sessions.hashed(token))
    )
    if found is None or found.revoked_at or (found.expires_at and found.expires_at <= now):
        return None
    if found.last_used_at is None or now - found.last_used_at > dt.timedelta(minutes=1):
        found.last_used_at = now
    return None if found.user.disabled_at else found.user


@rule
async def signed_in(
    request: Request, user: Annotated[User | None, Depends(user_of, scope="function")]
) -> User:
    if user is None:
        raise NotSignedIn("You are signed out.", remedy="Sign in and try again.")
    request.state.user = user
    return user


@rule
async def site_admin(user: Annotated[User, Depends(signed_in, scope="function")]) -> User:
    if not user.is_admin:
        raise Forbidden("Only an administrator may do this.", remedy="Ask an administrator of this server.")
    return user


Public = Depends(public)
SignedIn = Annotated[User, Depends(signed_in, scope="function")]
SiteAdmin = Annotated[User, Depends(site_admin, scope="function")]
