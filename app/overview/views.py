"""A project's front page."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.web import redirect, render
from app.overview import progress, worker_views
from app.projects.access import Member
from app.selection.next_action import find_next_action

router = APIRouter(include_in_schema=False)
router.include_router(worker_views.router)


@router.get("/projects/{slug}")
def front_page(request: Request, access: Member, db: Db) -> Response:
    """Admins see the project's progress; researchers go to the dashboard, labelers to the desk."""
    project, now = access.project, dt.datetime.now(dt.UTC)
    if not access.at_least("admin"):
        page = "dashboard" if access.at_least("researcher") else "desk"
        return redirect(f"{access.home}/{page}")
    counts = progress.count_progress(db, project, now)
    labelers = progress.list_labelers(db, project, now)
    return render(
        request,
        "overview/overview.html",
        progress=counts,
        labelers=labelers,
        active_runs=progress.list_active_runs(db, access),
        next_action=find_next_action(project, progress.labeling_progress(counts, labelers)),
    )
