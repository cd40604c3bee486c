"""What a member may do in a project: labeler < researcher < admin, each including
the ones before it. A site admin is an admin everywhere. To everyone else a project
does not exist (404, not 403)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import select

from app.accounts.access import SignedIn, rule
from app.accounts.models import User
from app.core.db import Db
from app.core.errors import Forbidden, NotFound
from app.projects.models import ROLES, Membership, Project


@dataclass(frozen=True)
class Access:
    project: Project
    user: User
    role: str

    def at_least(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


@rule
def member(request: Request, slug: str, user: SignedIn, db: Db) -> Access:
    mine = (Membership.project_id == Project.id) & (Membership.user_id == user.id)
    found = db.execute(
        select(Project, Membership.role).outerjoin(Membership, mine).where(Project.slug == slug)
    ).one_or_none()
    project, role = (found[0], "admin" if user.is_admin else found[1]) if found else (None, None)
    if project is None or role is None:
        raise NotFound("There is no such project.", remedy="Ask its admin to invite you.")
    request.state.access = access = Access(project, user, role)
    return access


@rule
async def researcher(access: Annotated[Access, Depends(member, scope="function")]) -> Access:
    return _at_least(access, "researcher")


@rule
async def admin(access: Annotated[Access, Depends(member, scope="function")]) -> Access:
    return _at_least(access, "admin")


def _at_least(access: Access, role: str) -> Access:
    if not access.at_least(role):
        raise Forbidden(
            f"This needs the role {role} in {access.project.name}; yours is {access.role}.",
            remedy="Ask an admin of the project.",
        )
    return access


Member = Annotated[Access, Depends(member, scope="function")]
Researcher = Annotated[Access, Depends(researcher, scope="function")]
ProjectAdmin = Annotated[Access, Depends(admin, scope="function")]
