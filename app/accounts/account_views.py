"""The account page: name, password, active sessions, API tokens."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from app.accounts import audit, sessions, tokens, users
from app.accounts.access import SignedIn, cookie_name
from app.accounts.models import User
from app.accounts.sign_in import verify_again
from app.core.db import Db
from app.core.errors import DomainError, Forbidden
from app.core.web import redirect, render

router = APIRouter(prefix="/account", include_in_schema=False)
Id = Annotated[int, Path(ge=1, lt=2**62)]


def show(
    request: Request, db: Db, user: User, status: int = 200, token: str = "", wrong: DomainError | None = None
) -> Response:
    now = dt.datetime.now(dt.UTC)
    return render(
        request,
        "accounts/account.html",
        status,
        sessions=sessions.list_sessions(db, user, now),
        this=sessions.hash_token(request.cookies.get(cookie_name(), "")),
        tokens=tokens.list_tokens(db, user),
        token=token,
        wrong=wrong,
        now=now,
    )


@router.get("")
def account_page(request: Request, user: SignedIn, db: Db) -> Response:
    return show(request, db, user)


@router.post("/name")
def rename(user: SignedIn, db: Db, name: Annotated[str, Form(max_length=200)] = "") -> Response:
    user.name = " ".join(name.split())
    audit.record_event(db, user, "user.name", user.email or "")
    return redirect("/account", "Saved.")


@router.post("/password")
def change_password(
    request: Request, user: SignedIn, db: Db,
    old: Annotated[str, Form(max_length=2000)], new: Annotated[str, Form(max_length=2000)],
    revoke_tokens: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Sign out every other browser. A wrong old password counts as a failed sign-in."""
    address = request.client.host if request.client else ""
    try:
        verify_again(db, user, old, address, dt.datetime.now(dt.UTC))
        session_token_hash = sessions.hash_token(request.cookies.get(cookie_name(), ""))
        revoked = users.change_password(db, user, new, session_token_hash, revoke_tokens=revoke_tokens)
    except DomainError as wrong:
        return show(request, db, user, wrong.status, wrong=wrong)
    message = "Password changed. All other browsers are signed out."
    return redirect("/account", f"{message} API tokens revoked: {revoked}." if revoked else message)


@router.post("/sessions/{session_id}/end")
def end_session(user: SignedIn, db: Db, session_id: Id) -> Response:
    sessions.end_own_session(db, user, session_id)
    return redirect("/account", "Session ended.", "note")


@router.post("/tokens")
def make_token(
    request: Request, user: SignedIn, db: Db,
    name: Annotated[str, Form(max_length=200)] = "", days: Annotated[int, Form(ge=0, le=3650)] = 90,
) -> Response:  # fmt: skip
    """Only this response contains the token. A token cannot create another, which could outlive it."""
    if "authorization" in request.headers:
        raise Forbidden("An API token cannot create tokens.", remedy="Sign in with a browser.")
    try:
        _, token = tokens.create_token(db, user, name, days, dt.datetime.now(dt.UTC))
    except DomainError as wrong:
        return show(request, db, user, wrong.status, wrong=wrong)
    return show(request, db, user, token=token)


@router.post("/tokens/{token_id}/revocation")
def revoke_token(user: SignedIn, db: Db, token_id: Id) -> Response:
    tokens.revoke_token(db, user, token_id, dt.datetime.now(dt.UTC))
    return redirect("/account", "Token revoked.", "note")
