"""The desk, and the endpoints it (or a scripted labeler) works by."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from app.core.db import Db
from app.core.web import redirect, render, wants_json
from app.labeling import (
    assignments,
    claims,
    control_tasks,
    desk_payload,
    gold_feedback,
    initial_queue,
    no_task,
    pace,
    reopening,
    shortcuts,
    submission_views,
)
from app.labeling.rating_events import Event
from app.projects import instructions
from app.projects.access import Access, Member, Researcher
from app.projects.markdown import as_html

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
router.include_router(submission_views.router)


class RatingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID
    position: Annotated[int, Field(ge=0, le=32000)]
    candidate: Annotated[int, Field(ge=0, le=32000)] = 0
    rating: Literal[1, 0, -1] | None = None
    flagged: bool | None = None
    chosen: bool | None = None
    written: Annotated[str, Field(max_length=20_000)] | None = None
    active_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0
    at: AwareDatetime | None = None

    @model_validator(mode="after")
    def one_act(self) -> RatingIn:
        """It rates, chooses, or writes: one of these."""
        acts = [name for name in ("rating", "chosen", "written") if name in self.model_fields_set]
        if len([name for name in acts if name == "rating" or getattr(self, name) is not None]) != 1:
            raise ValueError("an event rates, chooses or writes")
        return self

    def event(self) -> Event:
        return Event(**self.model_dump())


class RatingsIn(BaseModel):
    events: Annotated[list[RatingIn], Field(min_length=1, max_length=500)]


class SubmissionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    finish_reason: Literal["solution", "found_error", "bad_problem", "give_up"]
    comment: Annotated[str, Field(max_length=2000)] = ""
    total_time_ms: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = None
    reference_doubt: Literal["reference", "unsure"] | None = None


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def answer(found: dict[str, Any] | None) -> Response:
    return JSONResponse(found) if found else Response(status_code=204)


def why_nothing(access: Access, db: Db) -> dict[str, Any]:
    return no_task.why(db, access.project, access.user, access.at_least("researcher")).as_json()


@router.get("/desk")
def desk_page(request: Request, access: Member, db: Db) -> Response:
    project, moment = access.project, now()
    if barred := control_tasks.barred(db, project, access.user.id):
        return render(request, "labeling/barred.html", nothing=no_task.closed(barred))
    last = reopening.last(db, project, access.user, moment)
    return render(
        request,
        "labeling/desk.html",
        today=pace.today(db, project, access.user, moment),
        usual=pace.usual(db, project, access.user, moment),
        last=last,
        keys=shortcuts.of(access.user),
        last_steps=pace.steps_of(db, last) if last else 0,
        told=as_html(project.instructions) if project.instructions else None,
        news=instructions.news(db, project, access.user),
    )


@router.post("/assignments")
def claim(request: Request, access: Member, db: Db) -> Response:
    found = desk_payload.next_sheet(db, access.project, access.user, now())
    if not wants_json(request):
        return redirect(f"{access.home}/desk")
    return answer(found or {"nothing": why_nothing(access, db)})


@router.post("/reservation")
def reserve(access: Member, db: Db) -> Response:
    found = claims.reserve(db, access.project, access.user, now())
    return answer(desk_payload.sheet(db, access.project, found) if found else None)


@router.post("/assignments/{assignment_id}/ratings")
def rate(assignment_id: int, sent: RatingsIn, access: Member, db: Db) -> Response:
    mine = assignments.mine(db, access.project, assignment_id, access.user.id)
    events = [rating.event() for rating in sent.events]
    done = assignments.record(db, access.project, mine, events, now())
    current = desk_payload.said(done.current)
    body: dict[str, Any] = {
        "saved": [str(event_id) for event_id in done.saved],
        "current": current.pop("ratings"),
        **current,
        "lease_expires_at": mine.lease_expires_at.isoformat() if mine.lease_expires_at else None,
    }
    if done.refusal is None:
        return JSONResponse(body)
    # not raised: what was valid before the refused event is committed
    return JSONResponse({**done.refusal.as_json(), **body}, done.refusal.status)


@router.post("/assignments/{assignment_id}/submission")
def submit(assignment_id: int, sent: SubmissionIn, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.mine(db, access.project, assignment_id, access.user.id)
    assignments.submit(db, access.project, mine, **sent.model_dump(), now=now())
    told = gold_feedback.give(db, access.project, mine)
    following = desk_payload.next_sheet(db, access.project, access.user, now())
    body = {"submitted": True, "feedback": told, "next": following}
    return JSONResponse({**body, "nothing": None if following else why_nothing(access, db)})


@router.post("/assignments/{assignment_id}/reopening")
def reopen(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.mine(db, access.project, assignment_id, access.user.id)
    sheet = desk_payload.reopen(db, access.project, access.user, mine, now())
    return answer(sheet) if wants_json(request) else redirect(f"{access.home}/desk")


@router.post("/assignments/{assignment_id}/lease")
def retake(assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.mine(db, access.project, assignment_id, access.user.id)
    again = claims.retake(db, access.project, access.user, mine, now())
    if again is None:
        raise assignments.Refused(
            "lease_lost",
            "This solution is not free any more.",
            "What was saved before is kept. Go on to the next.",
        )
    return answer(desk_payload.sheet(db, access.project, again))


@router.post("/assignments/{assignment_id}/release")
def release(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.mine(db, access.project, assignment_id, access.user.id)
    claims.give_back(db, mine)
    return answer(None) if wants_json(request) else redirect(f"{access.home}/history", "Given back.")


@router.post("/queue")
def fill_queue(access: Researcher, db: Db) -> Response:
    made = initial_queue.queue_first(db, access.project)
    message = f"{made:,} solutions queued." if made else "Every solution is in the queue already."
    if made is None:
        message = "Their alternatives are prepared; each is queued when its candidates are there."
    return redirect(f"{access.home}/desk", message)
