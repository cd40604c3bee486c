"""Create, find, update and archive projects."""

from __future__ import annotations

import datetime as dt
import shlex
from typing import Any

from slugify import slugify
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.modes import MODES
from app.projects.default_instructions import TEXT
from app.projects.instructions import normalize_text, store_version
from app.projects.models import Membership, Project

MAX_NAME_LENGTH = 120
SETTINGS = (
    "name", "mode", "reference_visibility", "overlap", "lease_minutes",
    "reopening", "grace_minutes", "break_reminder_minutes",
)  # fmt: skip


def build_slug(name: str) -> str:
    """The name in the addresses of a project: "grade-school-2nd" for "Grade school, 2nd". Letters of other
    scripts are transliterated."""
    return slugify(name, max_length=50) or "project"


def create_project(
    db: Session, name: str, mode: str, actor: User | None, *, instructions: str = ""
) -> Project:
    """Create a project. Raises Conflict if the name is taken; a taken slug gets a number.

    Without instructions it starts with the default ones."""
    name = _validate_name(db, name)
    _require_mode(mode)
    project = Project(name=name, slug=_free_slug(db, name), mode=mode, instructions_number=0)
    db.add(project)
    db.flush()
    if actor is not None:
        db.add(Membership(project_id=project.id, user_id=actor.id, role="admin"))
    store_version(db, project, normalize_text(instructions) or TEXT, actor)
    audit.record_event(db, actor, "project.create", project.name, {"mode": mode}, project_id=project.id)
    return project


def get_project_by_name(db: Session, name: str) -> Project:
    """Get a project by name or slug; a name wins over another project's slug.

    For users who may see every project, since the error lists them."""
    name_or_slug = name.strip()
    either = select(Project).where((Project.name == name_or_slug) | (Project.slug == name_or_slug))
    project = db.scalar(either.order_by((Project.name == name_or_slug).desc()).limit(1))
    if project is None:
        make = f"stepmark project create {shlex.quote(name_or_slug[:80])}"
        raise NotFound(
            f"Unknown project {name_or_slug[:80]!r}.", remedy=f"{_list_names(db)}Create it: {make}"
        )
    return project


def _list_names(db: Session) -> str:
    newest = select(Project.name).where(Project.archived_at.is_(None)).order_by(Project.id.desc())
    names = db.scalars(newest.limit(6)).all()
    if not names:
        return ""
    return f"Projects: {', '.join(names[:5])}{', ...' * (len(names) > 5)}. "


def update_project(db: Session, project: Project, actor: User | None, **values: Any) -> dict[str, list[Any]]:
    """Change settings. Returns and records {setting: [old, new]}. The slug stays, so links keep working."""
    changed: dict[str, list[Any]] = {}
    for setting in SETTINGS:
        old, new = getattr(project, setting), values.get(setting, getattr(project, setting))
        if setting == "name" and new != old:
            new = _validate_name(db, new, project)
        if setting == "mode":
            _require_mode(new)
        if new != old:
            changed[setting] = [old, new]
            setattr(project, setting, new)
    if changed:
        db.flush()
        audit.record_event(db, actor, "project.change", project.name, changed, project_id=project.id)
    return changed


def archive_project(db: Session, project: Project, actor: User | None, now: dt.datetime | None) -> None:
    """Archive the project, or restore it if `now` is None. Deletes nothing."""
    project.archived_at = now
    verb = "project.archive" if now else "project.restore"
    audit.record_event(db, actor, verb, project.name, project_id=project.id)


def _require_mode(mode: str) -> None:
    if mode not in MODES:
        raise Invalid(f"Unknown mode {mode[:40]!r}.", remedy=f"Valid modes: {', '.join(MODES)}.")


def _validate_name(db: Session, name: str, of: Project | None = None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME_LENGTH:
        raise Invalid(f"A project name has 1 to {MAX_NAME_LENGTH} characters.", remedy="Choose another name.")
    taken = db.scalar(select(Project.id).where(Project.name == name))
    if taken is not None and (of is None or of.id != taken):
        raise Conflict(f"A project named {name} already exists.", remedy="Choose another name.")
    return name


def _free_slug(db: Session, name: str) -> str:
    slug = build_slug(name)
    taken = set(db.scalars(select(Project.slug).where(Project.slug.startswith(slug, autoescape=True))))
    number = 2
    while (free := slug if slug not in taken else f"{slug}-{number}") in taken:
        number += 1
    return free
