"""The users and the project of the demo."""

from __future__ import annotations

import secrets

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import users
from app.accounts.models import User
from app.core.db import transaction
from app.demo.demo_data import write_private
from app.projects import projects
from app.projects.models import Membership, Project
from app.settings import settings

NAME = "Demo"
PEOPLE = {
    "admin": "admin@demo.example",
    "researcher": "researcher@demo.example",
    "labeler": "labeler@demo.example",
}
INSTRUCTIONS = """\
Each problem is a calculation from left to right. **Only the last digit counts**: 7 ×3 is 21, so 1.
Below zero, add ten: 3 -8 is -5, so 5.

| Step | Meaning |
| --- | --- |
| `7 ×3 = 1` | the next operation on the current digit |
| `so 1` | the current digit again |
| `answer 1` | the final answer |

- *Positive*: the next operation on the current digit with the correct result, or the correct final answer.
- *Neutral*: `so 1` if the current digit is 1. The step is true, but makes no progress.
- *Negative*: anything in the step is incorrect, or an operation is missing.

A small language model wrote the solutions. It learned some products of the times table incorrectly.
"""


def create_users() -> list[tuple[str, str]]:
    """One user per role. Passwords are created once and stored, readable by the owner only, so that a second
    start can print them again. A demo is no place for sensitive data."""
    path = settings().home / "demo-logins.json"
    stored: dict[str, str] = orjson.loads(path.read_bytes()) if path.exists() else {}
    passwords = {email: stored.get(email) or secrets.token_urlsafe(9) for email in PEOPLE.values()}
    write_private(path, orjson.dumps(passwords))
    with transaction() as db:
        for role, email in PEOPLE.items():
            users.upsert_user(db, email, passwords[email], name=f"Demo {role}", is_admin=role == "admin")
    return list(passwords.items())


def get_or_create_project() -> Project:
    with transaction() as db:
        project = db.scalar(select(Project).where(Project.name == NAME))
        if project is None:
            project = projects.create_project(db, NAME, "first_error", None, instructions=INSTRUCTIONS)
        _add_members(db, project)
    return project


def _add_members(db: Session, project: Project) -> None:
    for role, email in PEOPLE.items():
        user = db.scalars(select(User).where(func.lower(User.email) == email)).one()
        if db.get(Membership, (project.id, user.id)) is None:
            db.add(Membership(project_id=project.id, user_id=user.id, role=role))
