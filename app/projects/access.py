"""What a member may do in a project: labeler < researcher < admin, each includes the ones before.

A site admin is an admin in every project. For everyone else a project does not exist (404, not 403)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Select, bindparam

from app.accounts import sessions, tokens
from app.accounts.access import access_rule, credential_query, resolve_user
from app.accounts.models import User
from app.core.db import Db
from app.core.errors import Forbidden, NotFound, NotSignedIn
from app.projects.models import ROLES, Membership, Project


@dataclass(frozen=True)
class Access:
    project: Project
    user: User
    role: str

    @property
    def home(self) -> str:
        """The path prefix of the project's pages."""
        return f"/projects/{self.project.slug}"

    def at_least(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


@access_rule
def require_member(request: Request, slug: str, db: Db) -> Access:
    """Load user, project and role in one query. Runs before every project page."""
    now = dt.datetime.now(dt.UTC)
    query = credential_query(request, now)
    row = None
    if query is not None:
        row = db.execute(PROJECT_QUERIES[query[0]], {**query[1], "slug": slug}).one_or_none()
    user = resolve_user(row[0], now) if row else None
    if row is None or user is None:
        raise NotSignedIn("You are signed out.", remedy="Sign in and try again.")
    request.state.user = user
    project, role = row[1], "admin" if user.is_admin else row[2]
    if project is None or role is None:
        raise NotFound("Project not found.", remedy="Ask its admin to invite you.")
    request.state.access = access = Access(project, user, role)
    return access


def project_query(query: Select[Any]) -> Select[Any]:
    shown = query.column_descriptions[0]["entity"]
    own_membership = (Membership.project_id == Project.id) & (Membership.user_id == shown.user_id)
    joined = query.add_columns(Project, Membership.role).select_from(shown)
    return joined.outerjoin(Project, Project.slug == bindparam("slug")).outerjoin(Membership, own_membership)


PROJECT_QUERIES = {
    query: project_query(query) for query in (sessions.SELECT_ACTIVE_SESSION, tokens.SELECT_ACTIVE_TOKEN)
}


@access_rule
async def require_researcher(access: Annotated[Access, Depends(require_member, scope="function")]) -> Access:
    return _at_least(access, "researcher")


@access_rule
async def require_project_admin(
    access: Annotated[Access, Depends(require_member, scope="function")],
) -> Access:
    return _at_least(access, "admin")


def _at_least(access: Access, role: str) -> Access:
    if not access.at_least(role):
        raise Forbidden(
            f"This requires the role {role} in {access.project.name}; your role is {access.role}.",
            remedy="Ask an admin of the project.",
        )
    return access


Member = Annotated[Access, Depends(require_member, scope="function")]
Researcher = Annotated[Access, Depends(require_researcher, scope="function")]
ProjectAdmin = Annotated[Access, Depends(require_project_admin, scope="function")]
