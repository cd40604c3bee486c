"""The JSON API of labeling."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.core.db import Db
from app.labeling import initial_queue, notes, returns
from app.labeling.beside import SubmissionReturn
from app.projects.access import Member, Researcher

router = APIRouter(prefix="/api/v1", tags=["labeling"])


class QueueCounts(BaseModel):
    waiting: int
    on_a_desk: int
    submitted: int
    not_queued: int


class QueueRequest(BaseModel):
    limit: Annotated[int, Field(ge=1, le=10**9)] | None = None


class QueueResult(BaseModel):
    queued: int
    preparing: bool = False
    """Their alternatives are made first; each is queued when its candidates are there."""


@router.get("/projects/{slug}/queue", summary="What waits, is on a desk, is done, could be queued")
def queue_counts(access: Member, db: Db) -> QueueCounts:
    return QueueCounts(**initial_queue.count_queue(db, access.project.id))


@router.post(
    "/projects/{slug}/queue",
    summary="Queue solutions that were never queued (generation 0)",
    response_model_exclude_defaults=True,
)
def fill_queue(access: Researcher, db: Db, wanted: QueueRequest | None = None) -> QueueResult:
    made = initial_queue.queue_initial_solutions(db, access.project, wanted.limit if wanted else None)
    return QueueResult(queued=made or 0, preparing=made is None)


class NoteOut(BaseModel):
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


class NotePage(BaseModel):
    notes: list[NoteOut]
    next: int | None
    """What to send as `after` for the next page."""


@router.get("/projects/{slug}/notes", summary="What labelers noted on steps, a page of 500 by id")
def list_notes(access: Researcher, db: Db, after: Annotated[int, Query(ge=0, lt=2**62)] = 0) -> NotePage:
    rows = notes.list_project_notes(db, access.project.id, after)
    found = [NoteOut(assignment=row.assignment_id, **_fields_of(row, NoteOut)) for row in rows]
    return NotePage(notes=found, next=found[-1].id if len(found) == notes.PAGE_SIZE else None)


class ReturnOut(BaseModel):
    id: int
    assignment_id: int
    reason: str
    at: dt.datetime
    answered_at: dt.datetime | None


class ReturnRequest(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=returns.MAX_REASON_LENGTH)]


@router.get("/projects/{slug}/returns", summary="Judgements sent back to their labelers, newest first")
def list_returns(access: Researcher, db: Db, answered: bool | None = None) -> list[ReturnOut]:
    return [_return_out(row) for row in returns.list_returns(db, access.project, answered)]


@router.post(
    "/projects/{slug}/assignments/{assignment_id}/returns", status_code=201, summary="Send a judgement back"
)
def return_submission(access: Researcher, db: Db, assignment_id: int, sent: ReturnRequest) -> ReturnOut:
    now = dt.datetime.now(dt.UTC)
    return _return_out(
        returns.return_submission(db, access.project, assignment_id, access.user, sent.reason, now)
    )


def _return_out(row: SubmissionReturn) -> ReturnOut:
    return ReturnOut(**_fields_of(row, ReturnOut))


def _fields_of(row: Any, of: type[BaseModel]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in of.model_fields if hasattr(row, name)}
