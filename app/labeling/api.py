"""The JSON API of labeling."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import Db
from app.labeling import initial_queue, notes, returns
from app.projects.access import Member, Researcher

router = APIRouter(prefix="/api/v1", tags=["labeling"])


class QueueCounts(BaseModel):
    waiting: int
    in_progress: int
    submitted: int
    unqueued: int


class QueueRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=10**9)] | None = None


class QueueResult(BaseModel):
    queued: int
    preparing: bool = False
    """Alternatives are prepared first; each solution is queued when its alternatives are ready."""


@router.get("/projects/{slug}/queue", summary="Count the tasks of the queue")
def queue_counts(access: Member, db: Db) -> QueueCounts:
    return QueueCounts(**initial_queue.count_queue(db, access.project.id))


@router.post(
    "/projects/{slug}/queue",
    summary="Queue solutions that were never queued (generation 0)",
    response_model_exclude_defaults=True,
)
def fill_queue(access: Researcher, db: Db, request: QueueRequest | None = None) -> QueueResult:
    limit = request.limit if request else None
    queued = initial_queue.queue_initial_solutions(db, access.project, limit)
    return QueueResult(queued=queued or 0, preparing=queued is None)


class NoteOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    assignment_id: int
    labeler: UUID
    solution_id: int
    solution_external_id: str
    """The solution's id in the imported file."""
    position: int
    """0-based, as in PRM800K's `label.steps`."""
    candidate: int
    """0 is the solution's own step."""
    text: str
    created_at: dt.datetime


class NotePage(BaseModel):
    notes: list[NoteOut]
    next: int | None
    """Send as `after` for the next page."""


@router.get("/projects/{slug}/notes", summary="List labelers' notes on steps, 500 per page, by id")
def list_notes(access: Researcher, db: Db, after: Annotated[int, Query(ge=0, lt=2**62)] = 0) -> NotePage:
    rows = notes.list_project_notes(db, access.project.id, after)
    page = [NoteOut.model_validate(row) for row in rows]
    return NotePage(notes=page, next=page[-1].id if len(page) == notes.PAGE_SIZE else None)


class ReturnOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    assignment_id: int
    reason: str
    returned_at: dt.datetime
    resubmitted_at: dt.datetime | None


class ReturnRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(min_length=1, max_length=returns.MAX_REASON_LENGTH)]


@router.get("/projects/{slug}/returns", summary="List submissions returned to their labelers, newest first")
def list_returns(access: Researcher, db: Db, resubmitted: bool | None = None) -> list[ReturnOut]:
    rows = returns.list_returns(db, access.project, resubmitted)
    return [ReturnOut.model_validate(row) for row in rows]


@router.post(
    "/projects/{slug}/assignments/{assignment_id}/returns",
    status_code=201,
    summary="Return a submission to its labeler",
)
def return_submission(access: Researcher, db: Db, assignment_id: int, request: ReturnRequest) -> ReturnOut:
    now = dt.datetime.now(dt.UTC)
    row = returns.return_submission(db, access.project, assignment_id, access.user, request.reason, now)
    return ReturnOut.model_validate(row)
