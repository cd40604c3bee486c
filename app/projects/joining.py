"""Create a user and give a role, for the command line."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.accounts import audit, users
from app.projects import members, projects


def add_user(db: Session, email: str, role: str, project: str | None, *, name: str, password: str) -> bool:
    """Returns whether the user is new. An existing user keeps password and name.

    The role admin without a project makes a site admin."""
    chosen = projects.get_project_by_name(db, project) if project else None
    user = users.find_user(db, email)
    new = user is None
    if user is None:
        user = users.create_user(db, email, name=name, password=password)
        audit.record_event(db, None, "user.add", user.email or "", {"role": role})
    if chosen is not None:
        members.set_role(db, chosen, user, role, None)
    elif role == "admin" and not user.is_admin:
        users.set_site_admin(db, user, True, None)
    return new
