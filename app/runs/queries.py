"""What the pages and the API show of runs, whatever their kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.run_kinds import KINDS, RunKind
from app.core.run_lifecycle import ACTIVE
from app.core.run_models import Run, RunEvent
from app.projects.access import Access

PAGE = 50


@dataclass(frozen=True)
class RunSummary:
    """A row of the list."""

    id: int
    kind: str
    parent_id: int | None
    state: str
    attempt: int
    progress: dict[str, Any]
    error: str | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    created_by: str | None
    """The person's name; None: the system, or the command line."""

    @property
    def label(self) -> str:
        return KINDS[self.kind].label

    @property
    def page(self) -> str:
        """Address of its results in the project, else of its history."""
        return (KINDS[self.kind].page or "/runs/{id}").format(id=self.id)

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def seconds(self) -> float | None:
        if self.started_at is None:
            return None
        return ((self.finished_at or dt.datetime.now(dt.UTC)) - self.started_at).total_seconds()


def visible_kinds(access: Access) -> list[RunKind[Any]]:
    return [kind for kind in KINDS.values() if access.at_least(kind.role)]


def list_runs(
    db: Session,
    access: Access,
    *,
    kind: str | None = None,
    states: Sequence[str] = (),
    parent_id: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[RunSummary]:
    """Newest first, one more than `limit` where there are more."""
    names = [visible.name for visible in visible_kinds(access)]
    columns = [getattr(Run, name) for name in RunSummary.__dataclass_fields__ if name != "created_by"]
    name = func.coalesce(func.nullif(User.name, ""), User.email).label("created_by")
    query = select(*columns, name).outerjoin(User, User.id == Run.created_by)
    query = query.where(Run.project_id == access.project.id, Run.kind.in_([kind] if kind in names else names))
    if states:
        query = query.where(Run.state.in_(states))
    if parent_id is not None:
        query = query.where(Run.parent_id == parent_id)
    if before is not None:
        query = query.where(Run.id < before)
    rows = db.execute(query.order_by(Run.id.desc()).limit(limit + 1))
    return [RunSummary(**row) for row in rows.mappings()]


def list_events(db: Session, run_id: int) -> list[tuple[RunEvent, str | None]]:
    """A run's changes of state, the oldest first, each with the name of who caused it."""
    query = select(RunEvent, User.name, User.email).outerjoin(User, User.id == RunEvent.user_id)
    rows = db.execute(query.where(RunEvent.run_id == run_id).order_by(RunEvent.id).limit(500))
    return [(event, name or email) for event, name, email in rows]
