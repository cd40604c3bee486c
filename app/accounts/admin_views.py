"""Users and the audit log, for site admins."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response

from app.accounts import audit, users
from app.accounts.access import SiteAdmin
from app.core.db import Db
from app.core.web import redirect, render

router = APIRouter(include_in_schema=False)
Id = Annotated[int, Path(ge=1, lt=2**62)]
Before = Annotated[int | None, Query(ge=1, lt=2**62)]


@router.get("/users")
def users_page(
    request: Request, user: SiteAdmin, db: Db, q: Annotated[str, Query(max_length=200)] = "", after: str = ""
) -> Response:
    page = users.search_users(db, q, after)
    return render(request, "accounts/users.html", found=page[: users.PAGE], more=len(page) > users.PAGE, q=q)


@router.post("/users/{user_id}/disabling")
def disable(user: SiteAdmin, db: Db, user_id: Id) -> Response:
    user_to_disable = users.get_user(db, user_id)
    users.disable_user(db, user_to_disable, user, dt.datetime.now(dt.UTC))
    return redirect("/users", f"{user_to_disable.email} was disabled and signed out everywhere.", "note")


@router.post("/users/{user_id}/enabling")
def enable(user: SiteAdmin, db: Db, user_id: Id) -> Response:
    user_to_enable = users.get_user(db, user_id)
    users.enable_user(db, user_to_enable, user)
    return redirect("/users", f"{user_to_enable.email} can sign in again.")


@router.post("/users/{user_id}/admin")
def set_admin(user: SiteAdmin, db: Db, user_id: Id, is_admin: Annotated[bool, Form()] = False) -> Response:
    changed_user = users.get_user(db, user_id)
    users.set_site_admin(db, changed_user, is_admin, user)
    message = "is now a site admin" if is_admin else "is no longer a site admin"
    return redirect("/users", f"{changed_user.email} {message}.")


@router.get("/audit")
def audit_page(
    request: Request, user: SiteAdmin, db: Db, before: Before = None,
    action: Annotated[str, Query(max_length=100)] = "",
) -> Response:  # fmt: skip
    page = audit.list_events(db, before=before, action=action)
    return render(
        request, "accounts/audit.html", found=page[: audit.PAGE], more=len(page) > audit.PAGE, action=action
    )
