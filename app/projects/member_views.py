"""Pages of a project's members and invitations."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.errors import DomainError
from app.core.hosts import public_url
from app.core.web import redirect, render
from app.projects import invitations, members
from app.projects.access import Access, ProjectAdmin
from app.projects.models import ROLES

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
Role = Annotated[str, Form(max_length=40)]
Id = Annotated[int, Path(ge=1, lt=2**62)]


def show(
    request: Request, access: Access, db: Db, status: int = 200,
    link: str = "", wrong: DomainError | None = None, typed: str = "",
) -> Response:  # fmt: skip
    return render(
        request,
        "projects/members.html",
        status,
        everyone=members.list_members(db, access.project),
        waiting=invitations.list_pending(db, access.project, dt.datetime.now(dt.UTC)),
        roles=ROLES,
        link=link,
        wrong=wrong,
        typed=typed,
    )


@router.get("/members")
def members_page(request: Request, access: ProjectAdmin, db: Db) -> Response:
    return show(request, access, db)


@router.post("/members/{user_id}/role")
def change_role(access: ProjectAdmin, db: Db, user_id: Id, role: Role) -> Response:
    user = members.get_member(db, access.project, user_id)
    members.set_role(db, access.project, user, role, access.user)
    message = f"{user.name or user.email} is {role} now, and signs in again."
    return redirect(f"{access.home}/members", message)


@router.post("/members/{user_id}/removal")
def remove(access: ProjectAdmin, db: Db, user_id: Id) -> Response:
    user = members.remove_member(db, access.project, user_id, access.user)
    message = f"{user.name or user.email} is out of the project. Their labels stay."
    return redirect(f"{access.home}/members", message, "note")


@router.post("/invitations")
def invite(
    request: Request, access: ProjectAdmin, db: Db,
    email: Annotated[str, Form(max_length=300)], role: Role = "labeler",
) -> Response:  # fmt: skip
    """Only this response contains the link: no redirect, cookie or table does."""
    try:
        _, token = invitations.create_invitation(
            db, access.project, email, role, access.user, dt.datetime.now(dt.UTC)
        )
    except DomainError as wrong:
        return show(request, access, db, wrong.status, wrong=wrong, typed=email)
    return show(request, access, db, link=f"{public_url(request)}invitations/{token}")


@router.post("/invitations/{invitation_id}/revocation")
def revoke(access: ProjectAdmin, db: Db, invitation_id: Id) -> Response:
    invitations.revoke_invitation(db, access.project, invitation_id, access.user)
    return redirect(f"{access.home}/members", "Invitation revoked.", "note")
