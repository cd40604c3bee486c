"""A project's front door: everyone lands where their first question is answered."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app.core.web import redirect
from app.projects.access import Member

router = APIRouter(include_in_schema=False)


@router.get("/projects/{slug}")
def front(access: Member) -> Response:
    home = f"/projects/{access.project.slug}"
    return redirect(f"{home}/board" if access.at_least("researcher") else f"{home}/desk")
