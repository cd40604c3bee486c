"""What labelers are told: published in numbered versions that never change, and who read which.

The newest text also stands on the project, with its number, so that a desk and a lease need
no second look."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.projects.models import InstructionsRead, InstructionsVersion, Project

MAX_LENGTH = 50_000
CONTEXT_LINES = 1
"""Unchanged lines shown beside a changed one."""


@dataclass(frozen=True)
class DiffLine:
    kind: str
    """same, new, gone, or skip where unchanged lines were left out."""
    text: str


def publish_version(
    db: Session, project: Project, text: str, author: User | None, base: int | None = None
) -> InstructionsVersion | None:
    """The next version; None when nothing differs. `base` is the version the author began
    from: Conflict when somebody published another since."""
    text = normalize_text(text)
    db.refresh(project, ["instructions", "instructions_number"], with_for_update=True)
    if base is not None and base != project.instructions_number:
        raise Conflict(
            f"Version {project.instructions_number} was published while you were editing.",
            remedy="Your draft is below with the differences. "
            f"Publish again to replace version {project.instructions_number}.",
        )
    if text == project.instructions:
        return None
    version = store_version(db, project, text, author)
    audit.record_event(
        db, author, "instructions.publish", project.name, {"version": version.number}, project_id=project.id
    )
    return version


def store_version(db: Session, project: Project, text: str, author: User | None) -> InstructionsVersion:
    project.instructions, project.instructions_number = text, project.instructions_number + 1
    version = InstructionsVersion(
        project_id=project.id,
        number=project.instructions_number,
        text=text,
        author_id=author.id if author else None,
    )
    db.add(version)
    db.flush()
    return version


def normalize_text(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > MAX_LENGTH:
        raise Invalid(f"Instructions are limited to {MAX_LENGTH:,} characters.", remedy="Shorten them.")
    return text


def list_versions(db: Session, project: Project) -> list[tuple[InstructionsVersion, User | None]]:
    """Newest first."""
    query = (
        select(InstructionsVersion, User)
        .outerjoin(User, User.id == InstructionsVersion.author_id)
        .where(InstructionsVersion.project_id == project.id)
        .order_by(InstructionsVersion.number.desc())
    )
    return [(version, author) for version, author in db.execute(query)]


def get_text(db: Session, project: Project, number: int) -> str:
    """Text of a version. Version 0 is empty."""
    if number == 0:
        return ""
    version = db.get(InstructionsVersion, (project.id, number))
    if version is None:
        raise NotFound("Instructions version not found.", remedy="Open the current version.")
    return version.text


def last_read_version(db: Session, project: Project, user: User) -> int | None:
    return db.scalar(
        select(func.max(InstructionsRead.number)).where(
            InstructionsRead.user_id == user.id, InstructionsRead.project_id == project.id
        )
    )


def acknowledge_version(db: Session, project: Project, user: User, number: int) -> None:
    """Record that the user read this version. Idempotent."""
    get_text(db, project, number)
    if number:
        row = {"user_id": user.id, "project_id": project.id, "number": number}
        db.execute(insert(InstructionsRead).values(row).on_conflict_do_nothing())


@dataclass(frozen=True)
class InstructionsUpdate:
    """Changes that a member has not read."""

    number: int
    since: int | None
    """The version read last, or None."""
    changes: list[DiffLine]


def find_update(db: Session, project: Project, user: User) -> InstructionsUpdate | None:
    """None when they have read what is in force, or there is nothing to read."""
    number = project.instructions_number
    if not project.instructions:
        return None
    since = last_read_version(db, project, user)
    if since is not None and since >= number:
        return None
    before = "" if since is None else get_text(db, project, since)
    return InstructionsUpdate(
        number, since, [] if since is None else diff_lines(before, project.instructions)
    )


def diff_lines(before: str, after: str) -> list[DiffLine]:
    """What differs, line by line, each with its neighbours; long unchanged stretches left out."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES):
        if lines:
            lines.append(DiffLine("skip", ""))
        for what, a, b, c, d in group:
            if what == "equal":
                lines += [DiffLine("same", text) for text in old[a:b]]
                continue
            lines += [DiffLine("gone", text) for text in old[a:b] if text]
            lines += [DiffLine("new", text) for text in new[c:d] if text]
    return lines
