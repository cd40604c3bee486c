"""One-use links into a project, valid for a week. Only the hash is stored."""

from __future__ import annotations

import datetime as dt
import secrets

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts import audit, users
from app.accounts.models import Invitation, User
from app.accounts.sessions import hash_token
from app.core.errors import Conflict, Invalid, NotFound
from app.projects import members
from app.projects.models import ROLES, Project

LIFETIME = dt.timedelta(days=7)


def create_invitation(
    db: Session, project: Project, email: str, role: str, actor: User, now: dt.datetime
) -> tuple[Invitation, str]:
    """Create an invitation. Returns the row and the token, which is not stored."""
    email = users.validate_email(email)
    if role not in ROLES:
        raise Invalid(f"Unknown role {role[:40]!r}.", remedy=f"Valid roles: {', '.join(ROLES)}.")
    existing_user = users.find_user(db, email)
    if existing_user and any(user.id == existing_user.id for user, _ in members.list_members(db, project)):
        raise Conflict(f"{email} is already a member.", remedy="Change the role in the members list.")
    token = secrets.token_urlsafe(24)
    invitation = Invitation(
        token_hash=hash_token(token),
        email=email,
        project_id=project.id,
        role=role,
        invited_by=actor.id,
        expires_at=now + LIFETIME,
    )
    db.add(invitation)
    db.flush()
    audit.record_event(db, actor, "invitation.create", email, {"role": role}, project_id=project.id)
    return invitation, token


def list_pending(db: Session, project: Project, now: dt.datetime) -> list[Invitation]:
    return list(
        db.scalars(
            select(Invitation)
            .where(Invitation.project_id == project.id, Invitation.accepted_at.is_(None))
            .where(Invitation.expires_at > now)
            .order_by(Invitation.id.desc())
        )
    )


def get_by_token(db: Session, token: str, now: dt.datetime) -> tuple[Invitation, Project]:
    """Raises NotFound for unknown, used, revoked and expired invitations alike."""
    row = db.execute(
        select(Invitation, Project)
        .join(Project, Project.id == Invitation.project_id)
        .where(Invitation.token_hash == hash_token(token), Invitation.accepted_at.is_(None))
        .where(Invitation.expires_at > now)
    ).one_or_none()
    if row is None:
        raise NotFound(
            "This invitation has expired or was already used.",
            remedy="Ask for a new link.",
        )
    return row[0], row[1]


def accept_invitation(db: Session, token: str, user: User, now: dt.datetime) -> Project:
    """Accept an invitation. Of two simultaneous attempts one succeeds. A higher role is kept."""
    invitation, project = get_by_token(db, token, now)
    taken = db.execute(
        update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.accepted_at.is_(None))
        .values(accepted_at=now, accepted_by=user.id)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("This invitation was already used.", remedy="Ask for a new link.")
    held = members.find_role(db, project, user)
    if held is None or ROLES.index(held) < ROLES.index(invitation.role):
        members.set_role(db, project, user, invitation.role, None)
    audit.record_event(
        db, user, "invitation.accept", invitation.email, {"role": invitation.role}, project_id=project.id
    )
    return project


def accept_with_new_account(
    db: Session, token: str, name: str, password: str, now: dt.datetime
) -> tuple[Project, User]:
    """Create the account of the invited email and accept."""
    invitation, _ = get_by_token(db, token, now)
    if users.find_user(db, invitation.email) is not None:
        raise Conflict(
            f"{invitation.email} already has an account.", remedy="Sign in, then open the link again."
        )
    user = users.create_user(db, invitation.email, name=name, password=password)
    audit.record_event(db, user, "user.add", invitation.email, {"by": "invitation"})
    return accept_invitation(db, token, user, now), user


def revoke_invitation(db: Session, project: Project, invitation_id: int, actor: User) -> None:
    invitation = db.get(Invitation, invitation_id)
    if invitation is None or invitation.project_id != project.id or invitation.accepted_at is not None:
        raise NotFound("Invitation not found.", remedy="It may have just been used.")
    db.delete(invitation)
    db.flush()
    audit.record_event(db, actor, "invitation.revoke", invitation.email, project_id=project.id)
