"""The settings page of a project."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.core.db import Db
from app.core.errors import DomainError
from app.core.web import redirect, render
from app.modes import MODES
from app.projects import projects
from app.projects.access import ProjectAdmin

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)


class SettingsForm(BaseModel):
    name: Annotated[str, Field(max_length=300)]
    mode: Annotated[str, Field(max_length=40)]
    reference_visibility: Annotated[str, Field(pattern="^shown$|^hidden$|^after$")]
    overlap: Annotated[int, Field(ge=1, le=99)]
    lease_minutes: Annotated[int, Field(ge=1, le=1440)]
    reopening: Annotated[str, Field(pattern="^never$|^grace$|^open$")] = "grace"
    grace_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    break_reminder_minutes: Annotated[int, Field(ge=0, le=600)] = 50


@router.get("/settings")
def settings_page(request: Request, access: ProjectAdmin) -> Response:
    return render(request, "projects/settings.html", typed=access.project, wrong=None, modes=MODES)


@router.post("/settings")
def save_settings(
    request: Request, access: ProjectAdmin, db: Db, sent: Annotated[SettingsForm, Form()]
) -> Response:
    try:
        changed = projects.update_project(db, access.project, access.user, **sent.model_dump())
    except DomainError as wrong:
        return render(request, "projects/settings.html", wrong.status, typed=sent, wrong=wrong, modes=MODES)
    return redirect(f"{access.home}/settings", "Saved." if changed else "No changes.")


@router.post("/archive")
def archive(access: ProjectAdmin, db: Db) -> Response:
    projects.archive_project(db, access.project, access.user, dt.datetime.now(dt.UTC))
    return redirect(f"{access.home}/settings", "Project archived. Nothing was deleted.", "note")


@router.post("/restoration")
def restore(access: ProjectAdmin, db: Db) -> Response:
    projects.archive_project(db, access.project, access.user, None)
    return redirect(f"{access.home}/settings", "Project restored.")
