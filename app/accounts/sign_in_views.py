"""Pages to sign in and out."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from app.accounts import account_views, admin_views, sessions, sign_in
from app.accounts.access import Public, cookie_name, find_request_user
from app.accounts.models import User
from app.core.db import Db
from app.core.web import redirect, render
from app.settings import settings

router = APIRouter(include_in_schema=False)
for part in (account_views, admin_views):
    router.include_router(part.router)


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def local(path: str) -> str:
    """`path` if it stays on this server, else the home page."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if inside and path.isprintable() and "\\" not in path else "/"


@router.get("/login", dependencies=[Public])
def login_page(
    request: Request,
    user: Annotated[User | None, Depends(find_request_user, scope="function")],
    next: str = "/",
) -> Response:
    if user is not None:
        return redirect(local(next))
    return render(request, "accounts/login.html", next=local(next), email="", wrong="")


@router.post("/session", dependencies=[Public])
def post_sign_in(
    request: Request,
    db: Db,
    email: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    now = dt.datetime.now(dt.UTC)
    address = address_of(request)
    result = sign_in.check_credentials(db, email, password, address, now)
    if not isinstance(result, User):
        wrong, status = "Incorrect email or password.", 401
        if isinstance(result, dt.timedelta):
            minutes = max(1, round(result.total_seconds() / 60))
            wrong, status = f"Too many attempts. Wait {minutes} min, then try again.", 429
        return render(request, "accounts/login.html", status, next=local(next), email=email, wrong=wrong)
    return welcome(request, db, result, redirect(local(next)))


def welcome(request: Request, db: Db, user: User, answer: Response) -> Response:
    """Start a session for `user` and set its cookie on `answer`."""
    token = sign_in.start_session(
        db,
        user,
        now=dt.datetime.now(dt.UTC),
        address=address_of(request),
        agent=request.headers.get("user-agent", ""),
        old=request.cookies.get(cookie_name()),
    )
    answer.set_cookie(
        cookie_name(),
        token,
        max_age=int(sessions.ABSOLUTE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings().secure_cookies,
        path="/",
    )
    return answer


@router.post("/session/end", dependencies=[Public])
def sign_out(request: Request, db: Db) -> Response:
    token = request.cookies.get(cookie_name())
    if token:
        sessions.end_session(db, token)
    answer = redirect("/login", "You are signed out.", "note")
    answer.delete_cookie(cookie_name(), path="/", secure=settings().secure_cookies, httponly=True)
    return answer
