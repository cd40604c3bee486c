"""The JSON API of runs: one list, one address for each, cancellation and resumption."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.core.db import Db
from app.core.run_lifecycle import get_run
from app.core.run_models import Run
from app.projects.access import Access, Researcher
from app.runs import actions, queries

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["runs"])
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Id = Annotated[int | None, Query(ge=1, lt=2**62)]


class RunOut(BaseModel):
    """A run, whatever its kind."""

    id: int
    kind: str
    parent_id: int | None
    state: State
    attempt: int
    config: dict[str, Any]
    progress: dict[str, Any]
    error: str | None
    created_by: int | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    heartbeat_at: dt.datetime | None
    finished_at: dt.datetime | None
    cancel_requested_at: dt.datetime | None


class RunEventOut(BaseModel):
    """A change of a run's state."""

    created_at: dt.datetime
    user_id: int | None
    from_state: str | None
    to_state: str
    attempt: int
    reason: str


class RunDetail(RunOut):
    events: list[RunEventOut]


class RunItem(BaseModel):
    """A run in the list."""

    id: int
    kind: str
    parent_id: int | None
    state: State
    attempt: int
    progress: dict[str, Any]
    error: str | None
    created_by: str | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    seconds: float | None


class RunList(BaseModel):
    runs: list[RunItem]
    next: int | None
    """Pass it as `before` for the next page."""


@router.get("/runs")
def list_runs(
    access: Researcher,
    db: Db,
    kind: str | None = None,
    state: State | None = None,
    parent_id: Id = None,
    before: Id = None,
) -> RunList:
    """The runs of the project, newest first, 50 a page."""
    runs = queries.list_runs(db, access, kind=kind, state=state, parent_id=parent_id, before=before)
    page = runs[: queries.PAGE]
    items = [RunItem.model_validate(run, from_attributes=True) for run in page]
    return RunList(runs=items, next=page[-1].id if len(runs) > queries.PAGE else None)


@router.get("/runs/{run_id}")
def get_one_run(access: Researcher, db: Db, run_id: int) -> RunDetail:
    return _detail(db, _load(access, db, run_id))


@router.post("/runs/{run_id}/cancellation")
def cancel_run(access: Researcher, db: Db, run_id: int) -> RunDetail:
    return _detail(db, actions.cancel_run(db, _load(access, db, run_id), access.user))


@router.post("/runs/{run_id}/resumption")
def resume_run(access: Researcher, db: Db, run_id: int) -> RunDetail:
    return _detail(db, actions.resume_run(db, _load(access, db, run_id), access.user))


def _load(access: Access, db: Db, run_id: int) -> Run:
    run = get_run(db, access.project.id, run_id, Run)
    actions.require_access(access, run)
    return run


def _detail(db: Db, run: Run) -> RunDetail:
    events = [
        RunEventOut.model_validate(event, from_attributes=True)
        for event, _ in queries.list_events(db, run.id)
    ]
    fields = RunOut.model_validate(run, from_attributes=True).model_dump()
    return RunDetail(**fields, events=events)
