"""The JSON API of labeling: the queue, notes and returned submissions."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from app.common.config import Config
from app.core.api import Answer, Cursor, Page
from app.core.db import Db
from app.labeling import initial_queue, notes, returns
from app.projects.access import Member, Researcher

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["labeling"])

Resubmitted = Annotated[
    bool | None, Query(description="true: only those submitted again. false: only open ones.")
]


class QueueCounts(Answer):
    """The queue of a project."""

    waiting: int
    """Tasks that wait for a labeler."""
    in_progress: int
    """Assignments in progress."""
    submitted: int
    """Submitted assignments."""
    unqueued: int
    """Solutions of train problems that were never queued."""


class QueueRequest(Config):
    """Which solutions to queue, and how many."""

    limit: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Maximum. Null: all."""
    splits: Annotated[tuple[Literal["train", "validation"], ...], Field(min_length=1, strict=False)] = (
        "train",
    )
    """Splits of the problems. Nothing is learned from labels of validation problems."""


class QueueResult(Answer):
    """What was queued."""

    queued: int
    """Solutions that were queued now."""
    preparing: bool = False
    """Alternatives are prepared first; each solution is queued when its alternatives are ready."""


@router.get("/queue", summary="Count the tasks of the queue")
def get_queue(access: Member, db: Db) -> QueueCounts:
    return QueueCounts(**initial_queue.count_queue(db, access.project.id))


@router.post(
    "/queue",
    summary="Queue solutions that were never queued (generation 0)",
    response_model_exclude_defaults=True,
)
def fill_queue(access: Researcher, db: Db, request: QueueRequest | None = None) -> QueueResult:
    request = request or QueueRequest()
    queued = initial_queue.queue_initial_solutions(db, access.project, request.limit, request.splits)
    return QueueResult(queued=queued or 0, preparing=queued is None)


class NoteOut(Answer):
    """A labeler's note on a step or an alternative."""

    id: int
    """ID of the note."""
    assignment_id: int
    """The assignment it was written in."""
    labeler: UUID
    """Who wrote it."""
    solution_id: int
    """The solution it is about."""
    solution_external_id: str
    """The solution's ID in the imported file."""
    position: int
    """0-based, as in PRM800K's `label.steps`."""
    candidate: int
    """0 is the solution's own step."""
    text: str
    """The note."""
    created_at: dt.datetime
    """When it was written."""


class NotePage(Page):
    """Notes, oldest first."""

    notes: list[NoteOut]
    """At most 500."""


@router.get("/notes", summary="List the current notes of all labelers")
def list_notes(access: Researcher, db: Db, cursor: Cursor = None) -> NotePage:
    rows = notes.list_project_notes(db, access.project.id, cursor or 0)
    page = [NoteOut.model_validate(row) for row in rows]
    return NotePage(notes=page, next_cursor=page[-1].id if len(page) == notes.PAGE_SIZE else None)


class ReturnOut(Answer):
    """A submission that was returned to its labeler."""

    id: int
    """ID of the return."""
    assignment_id: int
    """The assignment to submit again."""
    reason: str
    """What the labeler reads."""
    returned_at: dt.datetime
    """When it was returned."""
    resubmitted_at: dt.datetime | None
    """When it was submitted again. Null while the return is open."""


class ReturnPage(Page):
    """Returns, newest first."""

    returns: list[ReturnOut]
    """At most 100."""


class ReturnRequest(Config):
    """Why the labeler should look again."""

    reason: Annotated[str, Field(min_length=1, max_length=returns.MAX_REASON_LENGTH)]
    """What the labeler reads."""


@router.get("/returns", summary="List submissions returned to their labelers")
def list_returns(
    access: Researcher, db: Db, resubmitted: Resubmitted = None, cursor: Cursor = None
) -> ReturnPage:
    rows, next_cursor = returns.list_returns(db, access.project, resubmitted, cursor)
    return ReturnPage(returns=[ReturnOut.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/assignments/{assignment_id}/returns", status_code=201, summary="Return a submission to its labeler"
)
def return_submission(access: Researcher, db: Db, assignment_id: int, request: ReturnRequest) -> ReturnOut:
    now = dt.datetime.now(dt.UTC)
    row = returns.return_submission(db, access.project, assignment_id, access.user, request.reason, now)
    return ReturnOut.model_validate(row)
