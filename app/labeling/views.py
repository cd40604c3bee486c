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
from app.labeling.rating_events import RatingEventData
from app.projects import instructions
from app.projects.access import Access, Member, Researcher
from app.projects.markdown import render_markdown

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
router.include_router(submission_views.router)


class RatingEventRequest(BaseModel):
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
    def one_act(self) -> RatingEventRequest:
        """It rates, chooses, or writes: one of these."""
        acts = [name for name in ("rating", "chosen", "written") if name in self.model_fields_set]
        if len([name for name in acts if name == "rating" or getattr(self, name) is not None]) != 1:
            raise ValueError("an event rates, chooses or writes")
        return self

    def event(self) -> RatingEventData:
        return RatingEventData(**self.model_dump())


class RatingEventsRequest(BaseModel):
    events: Annotated[list[RatingEventRequest], Field(min_length=1, max_length=500)]


class SubmissionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    finish_reason: Literal["solution", "found_error", "bad_problem", "give_up"]
    comment: Annotated[str, Field(max_length=2000)] = ""
    total_time_ms: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = None
    reference_doubt: Literal["reference", "unsure"] | None = None


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def json_or_no_content(found: dict[str, Any] | None) -> Response:
    return JSONResponse(found) if found else Response(status_code=204)


def no_task_json(access: Access, db: Db) -> dict[str, Any]:
    return no_task.explain_no_task(db, access.project, access.user, access.at_least("researcher")).to_json()


@router.get("/desk")
def desk_page(request: Request, access: Member, db: Db) -> Response:
    project, moment = access.project, now()
    if barred := control_tasks.find_block_reason(db, project, access.user.id):
        return render(request, "labeling/barred.html", nothing=no_task.blocked_reason(barred))
    last = reopening.find_undoable(db, project, access.user, moment)
    return render(
        request,
        "labeling/desk.html",
        today=pace.load_day_totals(db, project, access.user, moment),
        usual=pace.compute_usual_pace(db, project, access.user, moment),
        last=last,
        keys=shortcuts.get_shortcuts(access.user),
        last_steps=pace.count_labeled_steps(db, last) if last else 0,
        told=render_markdown(project.instructions) if project.instructions else None,
        news=instructions.find_update(db, project, access.user),
    )


@router.post("/assignments")
def claim_assignment(request: Request, access: Member, db: Db) -> Response:
    found = desk_payload.next_desk_payload(db, access.project, access.user, now())
    if not wants_json(request):
        return redirect(f"{access.home}/desk")
    return json_or_no_content(found or {"no_task": no_task_json(access, db)})


@router.post("/reservation")
def prefetch_assignment(access: Member, db: Db) -> Response:
    found = claims.prefetch_assignment(db, access.project, access.user, now())
    return json_or_no_content(desk_payload.build_desk_payload(db, access.project, found) if found else None)


@router.post("/assignments/{assignment_id}/ratings")
def save_ratings(assignment_id: int, sent: RatingEventsRequest, access: Member, db: Db) -> Response:
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    events = [rating.event() for rating in sent.events]
    done = assignments.record_events(db, access.project, mine, events, now())
    current = desk_payload.ratings_to_json(done.current)
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
def submit_assignment(assignment_id: int, sent: SubmissionRequest, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    assignments.submit_assignment(db, access.project, mine, **sent.model_dump(), now=now())
    told = gold_feedback.build_gold_feedback(db, access.project, mine)
    following = desk_payload.next_desk_payload(db, access.project, access.user, now())
    body = {"submitted": True, "feedback": told, "next": following}
    return JSONResponse({**body, "no_task": None if following else no_task_json(access, db)})


@router.post("/assignments/{assignment_id}/reopening")
def reopen_assignment(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    sheet = desk_payload.reopen_on_desk(db, access.project, access.user, mine, now())
    return json_or_no_content(sheet) if wants_json(request) else redirect(f"{access.home}/desk")


@router.post("/assignments/{assignment_id}/lease")
def reclaim_assignment(assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    again = claims.reclaim_assignment(db, access.project, access.user, mine, now())
    if again is None:
        raise assignments.Refusal(
            "lease_lost",
            "This solution is not free any more.",
            "What was saved before is kept. Go on to the next.",
        )
    return json_or_no_content(desk_payload.build_desk_payload(db, access.project, again))


@router.post("/assignments/{assignment_id}/release")
def release_assignment(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    claims.release_assignment(db, mine)
    return (
        json_or_no_content(None) if wants_json(request) else redirect(f"{access.home}/history", "Given back.")
    )


@router.post("/queue")
def fill_queue(access: Researcher, db: Db) -> Response:
    made = initial_queue.queue_initial_solutions(db, access.project)
    message = f"{made:,} solutions queued." if made else "Every solution is in the queue already."
    if made is None:
        message = "Their alternatives are prepared; each is queued when its candidates are there."
    return redirect(f"{access.home}/desk", message)
