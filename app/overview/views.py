"""A project's front door: everyone lands where their first question is answered."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.web import redirect, render
from app.overview import progress, worker_views
from app.projects.access import Member

router = APIRouter(include_in_schema=False)
router.include_router(worker_views.router)


@router.get("/projects/{slug}")
def front(request: Request, access: Member, db: Db) -> Response:
    """Labelers go to the desk, researchers to the board; an admin sees how far things are."""
    project, now = access.project, dt.datetime.now(dt.UTC)
    if not access.at_least("admin"):
        place = "board" if access.at_least("researcher") else "desk"
        return redirect(f"/projects/{project.slug}/{place}")
    found = progress.count_progress(db, project, now)
    people = progress.list_labelers(db, project, now)
    return render(
        request,
        "overview/overview.html",
        found=found,
        labelers=people,
        running=progress.find_active_runs(db, project),
        next_thing=progress.find_next_action(project, found, people),
    )
