"""Pages of an invitation: create an account, or join with an existing one."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from app.accounts import users
from app.accounts.access import Public, SignedIn, find_request_user
from app.accounts.models import User
from app.accounts.sign_in_views import welcome
from app.core.db import Db
from app.core.errors import DomainError
from app.core.web import redirect, render
from app.projects import invitations

router = APIRouter(prefix="/invitations/{token}", include_in_schema=False)
Asking = Annotated[User | None, Depends(find_request_user, scope="function")]


def show(
    request: Request, db: Db, token: str, user: User | None, status: int = 200,
    wrong: DomainError | None = None, name: str = "",
) -> Response:  # fmt: skip
    invitation, project = invitations.get_by_token(db, token, dt.datetime.now(dt.UTC))
    has_account = user is not None or users.find_user(db, invitation.email) is not None
    return render(
        request, "projects/invitation.html", status, invitation=invitation, project=project, token=token,
        asking=user, has_account=has_account, wrong=wrong, name=name,
    )  # fmt: skip


@router.get("", dependencies=[Public])
def invitation_page(request: Request, db: Db, token: str, user: Asking) -> Response:
    return show(request, db, token, user)


@router.post("/account", dependencies=[Public])
def join_as_new(
    request: Request, db: Db, token: str,
    password: Annotated[str, Form(max_length=2000)], name: Annotated[str, Form(max_length=200)] = "",
) -> Response:  # fmt: skip
    try:
        project, user = invitations.accept_with_new_account(
            db, token, name, password, dt.datetime.now(dt.UTC)
        )
    except DomainError as wrong:
        return show(request, db, token, None, wrong.status, wrong, name)
    return welcome(request, db, user, redirect(f"/projects/{project.slug}", f"Welcome to {project.name}."))


@router.post("/membership")
def join(db: Db, token: str, user: SignedIn) -> Response:
    project = invitations.accept_invitation(db, token, user, dt.datetime.now(dt.UTC))
    return redirect(f"/projects/{project.slug}", f"Welcome to {project.name}.")
