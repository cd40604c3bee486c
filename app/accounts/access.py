"""Access rules. Every route names a rule of this module or of projects.access in its signature.

A test fails on a route without a rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from sqlalchemy import Select

from app.accounts import sessions, tokens
from app.accounts.models import ApiToken, User, UserSession
from app.core.db import Db
from app.core.errors import Forbidden, NotSignedIn
from app.settings import settings

F = TypeVar("F", bound=Callable[..., object])
# Rules that wait for nothing are `async def`: they cost no hop to a thread.
RULES: set[Callable[..., object]] = set()


def access_rule(function: F) -> F:
    """Mark a dependency as an access rule, for the test that walks the routes."""
    RULES.add(function)
    return function


def cookie_name() -> str:
    return "__Host-stepmark" if settings().secure_cookies else "stepmark"


@access_rule
async def allow_public() -> None:
    """Anyone, signed in or not."""


def find_request_user(request: Request, db: Db) -> User | None:
    """The signed-in user."""
    now = dt.datetime.now(dt.UTC)
    query = credential_query(request, now)
    return None if query is None else resolve_user(db.scalar(*query), now)


def credential_query(request: Request, now: dt.datetime) -> tuple[Select[Any], dict[str, Any]] | None:
    """The query for the session or API token of this request, with its parameters.

    A bearer token and a cookie never mix: a request with an Authorization header ignores the cookie."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        cookie = request.cookies.get(cookie_name())
        return sessions.active_session_query(cookie, now) if cookie else None
    scheme, _, token = authorization.partition(" ")
    return tokens.active_token_query(token, now) if scheme.lower() == "bearer" and token else None


def resolve_user(proof: UserSession | ApiToken | None, now: dt.datetime) -> User | None:
    if proof is None:
        return None
    return (
        sessions.record_activity(proof, now)
        if isinstance(proof, UserSession)
        else tokens.record_use(proof, now)
    )


@access_rule
async def require_signed_in(
    request: Request, user: Annotated[User | None, Depends(find_request_user, scope="function")]
) -> User:
    if user is None:
        raise NotSignedIn("You are signed out.", remedy="Sign in and try again.")
    request.state.user = user
    return user


@access_rule
async def require_site_admin(user: Annotated[User, Depends(require_signed_in, scope="function")]) -> User:
    if not user.is_admin:
        raise Forbidden("Only a site admin can do this.", remedy="Ask a site admin.")
    return user


Public = Depends(allow_public)
SignedIn = Annotated[User, Depends(require_signed_in, scope="function")]
SiteAdmin = Annotated[User, Depends(require_site_admin, scope="function")]
