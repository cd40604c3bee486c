"""The JSON API of projects."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from app.accounts.access import SignedIn, SiteAdmin
from app.common.config import Config
from app.core.api import Answer
from app.core.db import Db
from app.modes import MODES
from app.projects import members, projects
from app.projects.access import Member
from app.projects.models import Project

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])
Mode = Annotated[str, Field(max_length=40, json_schema_extra={"enum": list(MODES)})]


class ProjectRequest(Config):
    """A project to create."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Its name. The slug in its address is made from it."""
    mode: Mode = "first_error"
    """Labeling mode. It cannot change later."""
    instructions: Annotated[str, Field(max_length=50_000)] = ""
    """Instructions for labelers, in Markdown. Empty: the default of the mode."""


class ProjectOut(Answer):
    """A project and your role in it."""

    slug: str
    """Its name in addresses."""
    name: str
    """Its name on screens."""
    mode: Mode
    """Labeling mode."""
    role: Literal["labeler", "researcher", "admin"]
    """Your role. Each role includes the ones before it."""
    instructions: str
    """Instructions for labelers, in Markdown."""
    reference_visibility: str
    """When labelers see the reference answer."""
    overlap: int
    """Labelers per solution."""
    lease_minutes: int
    """How long an assignment is reserved for its labeler."""
    created_at: dt.datetime
    """When it was created."""
    archived_at: dt.datetime | None
    """When it was archived. Null: it is active."""


class ProjectList(Answer):
    """Your projects."""

    projects: list[ProjectOut]
    """Active projects first, by name."""


def build_project(project: Project, role: str) -> ProjectOut:
    return ProjectOut.model_validate({**vars(project), "role": role})


@router.get("", summary="List your projects")
def list_projects(user: SignedIn, db: Db) -> ProjectList:
    rows = members.list_projects_of(db, user)
    return ProjectList(projects=[build_project(project, role) for project, role in rows])


@router.post("", status_code=201, summary="Create a project (site admins)")
def create_project(user: SiteAdmin, db: Db, body: ProjectRequest) -> ProjectOut:
    project = projects.create_project(db, body.name, body.mode, user, instructions=body.instructions)
    db.refresh(project)
    return build_project(project, "admin")


@router.get("/{slug}", summary="Get a project and your role in it")
def get_project(access: Member) -> ProjectOut:
    return build_project(access.project, access.role)
