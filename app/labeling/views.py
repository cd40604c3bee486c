"""The desk, and the endpoints that it and scripted labelers use."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from app.core.db import Db
from app.core.web import ROOT, redirect, render, wants_json
from app.labeling import (
    assignments,
    claims,
    control_tasks,
    desk_payload,
    gold_feedback,
    initial_queue,
    introduction,
    no_task,
    pace,
    ratings,
    reopening,
    shortcuts,
    submission_views,
)
from app.labeling.rating_events import RatingEventData
from app.labeling.refusals import Refusal
from app.modes import get_mode
from app.projects import instructions
from app.projects.access import Access, Member, Researcher
from app.projects.markdown import render_markdown

UNLISTED = ("main.js", "gold-feedback.js")
DESK_SCRIPTS = sorted(path.name for path in (ROOT / "static/desk").glob("*.js") if path.name not in UNLISTED)
"""For the browser to load at once, not one import after the other. No page of a labeler says "gold"."""

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
router.include_router(submission_views.router)


MAX_ACTIVE_MS = 3_600_000
MAX_TOTAL_MS = 2_000_000_000


def clamp_duration(limit: int) -> BeforeValidator:
    """A browser's clock may jump. A rating is worth more than its duration, so the duration is brought into
    its limits and never refused."""

    def clamp(value: object) -> object:
        return max(0, min(value, limit)) if isinstance(value, int | float) else value

    return BeforeValidator(clamp)


class RatingEventRequest(BaseModel):
    """The aliases are the names of the previous version, which a browser may still have to send."""

    model_config = ConfigDict(extra="forbid")
    id: UUID
    position: Annotated[int, Field(ge=0, le=32000)]
    candidate: Annotated[int, Field(ge=0, le=32000)] = 0
    rating: Literal[1, 0, -1] | None = None
    flagged: bool | None = None
    chosen: bool | None = None
    human_text: Annotated[str, Field(max_length=20_000)] | None = Field(
        None, validation_alias=AliasChoices("human_text", "written")
    )
    active_ms: Annotated[int, Field(ge=0, le=MAX_ACTIVE_MS), clamp_duration(MAX_ACTIVE_MS)] = 0
    client_created_at: AwareDatetime | None = Field(
        None, validation_alias=AliasChoices("client_created_at", "at")
    )

    @model_validator(mode="after")
    def has_one_act(self) -> RatingEventRequest:
        """It rates, chooses or writes, and only one of these."""
        acts = [self.chosen is not None, self.human_text is not None, "rating" in self.model_fields_set]
        if sum(acts) != 1:
            raise ValueError("an event rates, chooses or writes")
        return self

    def event(self) -> RatingEventData:
        return RatingEventData(**self.model_dump())


class RatingEventsRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    events: Annotated[list[RatingEventRequest], Field(min_length=1, max_length=500)]


def _rename_reference(value: object) -> object:
    return "incorrect" if value == "reference" else value


class SubmissionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    finish_reason: Literal["solution", "found_error", "bad_problem", "give_up"]
    comment: Annotated[str, Field(max_length=2000)] = ""
    total_time_ms: Annotated[int, Field(ge=0, le=MAX_TOTAL_MS), clamp_duration(MAX_TOTAL_MS)] | None = None
    ratings: Annotated[list[Literal[1, 0, -1] | None], Field(max_length=40_000)] | None = None
    """What the labeler saw: the ratings of everything that could be rated, in order. If given, they must
    equal those on the server, which another window may have changed."""
    reference_verdict: Annotated[
        Literal["incorrect", "unsure"] | None, BeforeValidator(_rename_reference)
    ] = Field(None, validation_alias=AliasChoices("reference_verdict", "reference_doubt"))


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def json_or_no_content(payload: dict[str, Any] | None) -> Response:
    return JSONResponse(payload) if payload else Response(status_code=204)


def no_task_json(access: Access, db: Db) -> dict[str, Any]:
    can_queue = access.at_least("researcher")
    return no_task.explain_no_task(db, access.project, access.user, can_queue).to_json()


@router.get("/desk")
def desk_page(request: Request, access: Member, db: Db) -> Response:
    project, moment = access.project, now()
    if block := control_tasks.find_block_reason(db, project, access.user.id):
        return render(request, "labeling/blocked.html", no_task=no_task.blocked_reason(db, project, block))
    last = reopening.find_undoable(db, project, access.user, moment)
    return render(
        request,
        "labeling/desk.html",
        today=pace.load_day_totals(db, project, access.user, moment),
        usual_pace=pace.compute_usual_pace(db, project, access.user, moment),
        last_submission=last,
        last_step_count=pace.count_labeled_steps(db, last) if last else 0,
        keys=shortcuts.get_shortcuts(access.user),
        mode=get_mode(project.mode),
        desk_scripts=DESK_SCRIPTS,
        introduction=introduction.find_introduction(db, project, access.user.id),
        ratings=ratings.RATINGS,
        ratings_json=ratings.ratings_json(),
        instructions_html=render_markdown(project.instructions) if project.instructions else None,
        instructions_update=instructions.find_update(db, project, access.user),
    )


@router.post("/assignments")
def claim_assignment(request: Request, access: Member, db: Db) -> Response:
    payload = desk_payload.next_desk_payload(db, access.project, access.user, now())
    if not wants_json(request):
        return redirect(f"{access.home}/desk")
    return JSONResponse(payload or {"no_task": no_task_json(access, db)})


@router.post("/reservation")
def prefetch_assignment(access: Member, db: Db) -> Response:
    assignment = claims.prefetch_assignment(db, access.project, access.user, now())
    return json_or_no_content(
        desk_payload.build_desk_payload(db, access.project, assignment) if assignment else None
    )


@router.post("/assignments/{assignment_id}/ratings")
def save_ratings(assignment_id: int, body: RatingEventsRequest, access: Member, db: Db) -> Response:
    assignment = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    events = [event.event() for event in body.events]
    result = assignments.record_events(db, access.project, assignment, events, now())
    until = assignment.lease_expires_at
    answer: dict[str, Any] = {
        "saved": [str(event_id) for event_id in result.saved],
        **desk_payload.ratings_to_json(result.current),
        "lease_expires_at": until.isoformat() if until else None,
    }
    if result.refusal is None:
        return JSONResponse(answer)
    # not raised: the valid events before the refused one are committed
    return JSONResponse({**result.refusal.as_json(), **answer}, result.refusal.status)


@router.post("/assignments/{assignment_id}/submission")
def submit_assignment(assignment_id: int, body: SubmissionRequest, access: Member, db: Db) -> Response:
    project, moment = access.project, now()
    claims.lock_labeler(db, project.id, access.user.id)
    assignment = assignments.get_own_assignment(db, project, assignment_id, access.user.id)
    assignments.submit_assignment(db, project, assignment, **body.model_dump(), now=moment)
    feedback = gold_feedback.build_gold_feedback(db, project, assignment)
    following = desk_payload.next_desk_payload(db, project, access.user, now())
    reason = None if following else no_task_json(access, db)
    return JSONResponse({"submitted": True, "feedback": feedback, "next": following, "no_task": reason})


@router.post("/assignments/{assignment_id}/reopening")
def reopen_assignment(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    assignment = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    payload = desk_payload.reopen_on_desk(db, access.project, assignment, now())
    return JSONResponse(payload) if wants_json(request) else redirect(f"{access.home}/desk")


@router.post("/assignments/{assignment_id}/lease")
def reclaim_assignment(assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    assignment = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    reclaimed = claims.reclaim_assignment(db, access.project, access.user, assignment, now())
    if reclaimed is None:
        raise Refusal(
            "lease_lost",
            "This task was assigned to someone else.",
            "Saved ratings are kept. Open the next task.",
        )
    return JSONResponse(desk_payload.build_desk_payload(db, access.project, reclaimed))


@router.post("/assignments/{assignment_id}/release")
def release_assignment(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    claims.lock_labeler(db, access.project.id, access.user.id)
    assignment = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    claims.release_assignment(db, assignment)
    if wants_json(request):
        return Response(status_code=204)
    return redirect(f"{access.home}/history", "Task released.")


@router.post("/queue")
def fill_queue(access: Researcher, db: Db) -> Response:
    queued = initial_queue.queue_initial_solutions(db, access.project)
    if queued is None:
        message = "Alternatives are prepared first; each solution is queued when they are ready."
    else:
        message = f"{queued:,} solutions queued." if queued else "All solutions are queued already."
    return redirect(f"{access.home}/desk", message)
