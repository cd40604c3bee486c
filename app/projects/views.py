"""The home page and the list of projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.accounts.access import SignedIn, SiteAdmin
from app.core.db import Db
from app.core.errors import DomainError
from app.core.web import redirect, render
from app.modes import MODES
from app.projects import instructions_views, invitation_views, member_views, members, projects, settings_views

router = APIRouter(include_in_schema=False)
for part in (settings_views, instructions_views, member_views, invitation_views):
    router.include_router(part.router)


@router.get("/")
def start(user: SignedIn, db: Db) -> Response:
    """Members of a single project go straight to that project."""
    seen = [project for project, _ in members.list_projects_of(db, user) if project.archived_at is None]
    alone = len(seen) == 1 and not user.is_admin
    return redirect(f"/projects/{seen[0].slug}" if alone else "/projects")


@router.get("/projects")
def projects_page(request: Request, user: SignedIn, db: Db) -> Response:
    return render(
        request,
        "projects/projects.html",
        seen=members.list_projects_of(db, user),
        modes=MODES,
        wrong=None,
        typed={},
    )


@router.post("/projects")
def create_project(
    request: Request,
    user: SiteAdmin,
    db: Db,
    name: Annotated[str, Form(max_length=300)] = "",
    mode: Annotated[str, Form(max_length=40)] = "first_error",
) -> Response:
    try:
        project = projects.create_project(db, name, mode, user)
    except DomainError as wrong:
        seen, typed = members.list_projects_of(db, user), {"name": name, "mode": mode}
        return render(
            request, "projects/projects.html", wrong.status, seen=seen, modes=MODES, wrong=wrong, typed=typed
        )
    return redirect(
        f"/projects/{project.slug}", f"{project.name} is made. Import problems and solutions next."
    )
