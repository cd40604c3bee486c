"""The JSON API of projects."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.accounts.access import SignedIn, SiteAdmin
from app.core.db import Db
from app.modes import MODES
from app.projects import members, projects
from app.projects.access import Member
from app.projects.models import Project

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])
Mode = Annotated[str, Field(max_length=40, json_schema_extra={"enum": list(MODES)})]


class ProjectIn(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=120)]
    mode: Mode = "first_error"
    instructions: Annotated[str, Field(max_length=50_000)] = ""


class ProjectOut(BaseModel):
    slug: str
    name: str
    mode: Mode
    role: Literal["labeler", "researcher", "admin"]
    instructions: str
    reference_visibility: str
    overlap: int
    lease_minutes: int
    created_at: dt.datetime
    archived_at: dt.datetime | None


def project_out(project: Project, role: str) -> ProjectOut:
    return ProjectOut.model_validate({**vars(project), "role": role})


@router.get("", summary="List your projects")
def index(user: SignedIn, db: Db) -> list[ProjectOut]:
    return [project_out(project, role) for project, role in members.list_projects_of(db, user)]


@router.post("", status_code=201, summary="Create a project (site admins)")
def create(user: SiteAdmin, db: Db, sent: ProjectIn) -> ProjectOut:
    project = projects.create_project(db, sent.name, sent.mode, user, instructions=sent.instructions)
    db.refresh(project)
    return project_out(project, "admin")


@router.get("/{slug}", summary="Get a project and your role in it")
def get_project(access: Member) -> ProjectOut:
    return project_out(access.project, access.role)
