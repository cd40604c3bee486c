"""Members of a project and their roles."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import audit, sessions
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.projects.models import ROLES, Membership, Project


def list_members(db: Session, project: Project) -> list[tuple[User, Membership]]:
    rows = db.execute(
        select(User, Membership)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.project_id == project.id)
        .order_by(func.array_position([*reversed(ROLES)], Membership.role), func.lower(User.email))
    )
    return [(user, membership) for user, membership in rows]


def list_projects_of(db: Session, user: User) -> list[tuple[Project, str]]:
    """The projects of a user and the role in each. A site admin is an admin in all of them."""
    chosen = (
        select(Project, Membership.role)
        .outerjoin(Membership, (Membership.project_id == Project.id) & (Membership.user_id == user.id))
        .order_by(Project.archived_at.is_not(None), func.lower(Project.name))
    )
    if not user.is_admin:
        chosen = chosen.where(Membership.role.is_not(None))
    return [(project, "admin" if user.is_admin else role) for project, role in db.execute(chosen)]


def set_role(db: Session, project: Project, user: User, role: str, actor: User | None) -> None:
    """Add a member or change a role. A change ends the user's sessions."""
    if role not in ROLES:
        raise Invalid(f"Unknown role {role[:40]!r}.", remedy=f"Valid roles: {', '.join(ROLES)}.")
    membership = db.get(Membership, (project.id, user.id), with_for_update=True)
    before = membership.role if membership else None
    if before == role:
        return
    if membership is None:
        db.add(Membership(project_id=project.id, user_id=user.id, role=role))
    else:
        _forbid_self_change(user, actor)
        membership.role = role
        sessions.end_all_sessions(db, user.id)
    db.flush()
    _record_change(
        db, project, user, actor, "member.role" if membership else "member.add", {"from": before, "to": role}
    )


def remove_member(db: Session, project: Project, user_id: int, actor: User | None) -> User:
    """Remove a member at once. Their labels stay."""
    membership = db.get(Membership, (project.id, user_id))
    user = db.get(User, user_id)
    if membership is None or user is None:
        raise NotFound("User is not a member.", remedy="Reload the members page.")
    _forbid_self_change(user, actor)
    db.delete(membership)
    sessions.end_all_sessions(db, user.id)
    db.flush()
    _record_change(db, project, user, actor, "member.remove", {"from": membership.role, "to": None})
    return user


def find_role(db: Session, project: Project, user: User) -> str | None:
    membership = db.get(Membership, (project.id, user.id))
    return membership.role if membership else None


def get_member(db: Session, project: Project, user_id: int) -> User:
    if db.get(Membership, (project.id, user_id)) is None:
        raise NotFound("User is not a member.", remedy="Reload the members page.")
    return db.get_one(User, user_id)


def _forbid_self_change(user: User, actor: User | None) -> None:
    if actor is not None and actor.id == user.id:
        raise Conflict("You cannot change your own role.", remedy="Ask another admin of the project.")


def _record_change(
    db: Session, project: Project, user: User, actor: User | None, action: str, detail: dict[str, str | None]
) -> None:
    audit.record_event(db, actor, action, user.email or str(user.uuid), detail, project_id=project.id)
