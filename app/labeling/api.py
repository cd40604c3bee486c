"""The JSON API of labeling."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.core.db import Db
from app.labeling import initial_queue, notes, returns
from app.labeling.beside import TaskReturn
from app.projects.access import Member, Researcher

router = APIRouter(prefix="/api/v1", tags=["labeling"])


class Queue(BaseModel):
    waiting: int
    on_a_desk: int
    submitted: int
    not_queued: int


class Filling(BaseModel):
    limit: Annotated[int, Field(ge=1, le=10**9)] | None = None


class Filled(BaseModel):
    queued: int
    preparing: bool = False
    """Their alternatives are made first; each is queued when its candidates are there."""


@router.get("/projects/{slug}/queue", summary="What waits, is on a desk, is done, could be queued")
def queue_counts(access: Member, db: Db) -> Queue:
    return Queue(**initial_queue.counts(db, access.project.id))


@router.post(
    "/projects/{slug}/queue",
    summary="Queue solutions that were never queued (generation 0)",
    response_model_exclude_defaults=True,
)
def fill_queue(access: Researcher, db: Db, wanted: Filling | None = None) -> Filled:
    made = initial_queue.queue_first(db, access.project, wanted.limit if wanted else None)
    return Filled(queued=made or 0, preparing=made is None)


class Note(BaseModel):
    id: int
    assignment: int
    labeler: UUID
    solution_id: int
    solution: str
    """Its name in the file it came from."""
    position: int
    """0-based, as in PRM800K's `label.steps`."""
    candidate: int
    """0 is the solution's own step."""
    text: str
    at: dt.datetime


class Notes(BaseModel):
    notes: list[Note]
    next: int | None
    """What to send as `after` for the next page."""


@router.get("/projects/{slug}/notes", summary="What labelers noted on steps, a page of 500 by id")
def list_notes(access: Researcher, db: Db, after: Annotated[int, Query(ge=0, lt=2**62)] = 0) -> Notes:
    rows = notes.in_project(db, access.project.id, after)
    found = [Note(assignment=row.assignment_id, **_named(row, Note)) for row in rows]
    return Notes(notes=found, next=found[-1].id if len(found) == notes.PAGE else None)


class Return(BaseModel):
    id: int
    assignment_id: int
    reason: str
    at: dt.datetime
    answered_at: dt.datetime | None


class Reason(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=returns.LONGEST)]


@router.get("/projects/{slug}/returns", summary="Judgements sent back to their labelers, newest first")
def list_returns(access: Researcher, db: Db, answered: bool | None = None) -> list[Return]:
    return [_return(row) for row in returns.newest(db, access.project, answered)]


@router.post(
    "/projects/{slug}/assignments/{assignment_id}/returns", status_code=201, summary="Send a judgement back"
)
def give_back(access: Researcher, db: Db, assignment_id: int, sent: Reason) -> Return:
    now = dt.datetime.now(dt.UTC)
    return _return(returns.give_back(db, access.project, assignment_id, access.user, sent.reason, now))


def _return(row: TaskReturn) -> Return:
    return Return(**_named(row, Return))


def _named(row: Any, of: type[BaseModel]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in of.model_fields if hasattr(row, name)}
