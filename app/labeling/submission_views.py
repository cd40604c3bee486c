"""A labeler's history, one submission, notes on its steps, and its return by a researcher."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.web import redirect, render, wants_json
from app.labeling import (
    assignments,
    desk_payload,
    gold_feedback,
    history,
    history_ratings,
    label_exposure,
    notes,
    reopening,
    returns,
)
from app.labeling.models import Assignment
from app.labeling.ratings import BY_VALUE
from app.projects.access import Access, Member, Researcher

router = APIRouter()

FINISH_LABELS = {
    "solution": "no error",
    "found_error": "error found",
    "bad_problem": "bad problem",
    "give_up": "given up",
}
OUTCOME_LABELS = {"replaced": "replaced", "restored": "restored", None: "being edited"}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


Day = Annotated[dt.date | None, BeforeValidator(_empty_is_none)]


class HistoryForm(BaseModel):
    """As a form without scripts sends it: every field, most of them empty."""

    query: Annotated[str, Field(max_length=200)] = ""
    finish: Literal["", "solution", "found_error", "bad_problem", "give_up"] = ""
    since: Day = None
    until: Day = None
    flagged: bool = False
    before: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None

    def search(self) -> history.HistorySearch:
        return history.HistorySearch(self.query.strip(), self.finish, self.since, self.until, self.flagged)


@router.get("/history")
def history_page(request: Request, access: Member, db: Db, form: Annotated[HistoryForm, Query()]) -> Response:
    project, moment, search = access.project, now(), form.search()
    rows, older = history.list_submissions(db, project, access.user, search, form.before)
    is_first = form.before is None
    return render(
        request,
        "labeling/history.html",
        rows=rows,
        notes=notes.load_notes(db, {assignment.id for assignment, _, _ in rows}),
        row_ratings=history_ratings.load_ratings(db, [assignment.id for assignment, _, _ in rows]),
        unsubmitted=history_ratings.list_unsubmitted(db, project, access.user)
        if is_first and not search.is_set
        else [],
        search=search,
        is_first=is_first,
        older=urlencode({**search.to_query(), "before": older}) if older else None,
        open_returns=returns.list_open_returns(db, project, access.user) if is_first else [],
        reopenable={row[0].id for row in rows if reopening.can_reopen(project, row[0], moment)},
        finish_labels=FINISH_LABELS,
    )


def get_visible_assignment(access: Access, db: Db, assignment_id: int) -> Assignment:
    """The user's own assignment, or for researchers any of the project."""
    assignment = db.get(Assignment, assignment_id)
    if (
        assignment is None
        or assignment.project_id != access.project.id
        or not (assignment.user_id == access.user.id or access.at_least("researcher"))
    ):
        raise NotFound("Assignment not found.", remedy="See your history.")
    return assignment


@router.get("/assignments/{assignment_id}")
def submission_page(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    assignment = get_visible_assignment(access, db, assignment_id)
    label_exposure.record_submission_exposure(db, access.user, assignment)
    return render_submission(request, access, db, assignment)


def render_submission(
    request: Request,
    access: Access,
    db: Db,
    assignment: Assignment,
    status: int = 200,
    error: DomainError | None = None,
    reason: str = "",
) -> Response:
    payload = desk_payload.build_desk_payload(db, access.project, assignment)
    if wants_json(request):
        return JSONResponse(payload)
    context = {
        "assignment": assignment,
        "payload": payload,
        "positions": history.list_rated_steps(db, assignment, payload),
        "notes": notes.load_notes(db, [assignment.id]).get(assignment.id, {}),
        "previous": reopening.list_previous_submissions(db, assignment),
        "feedback": gold_feedback.get_gold_feedback(db, assignment),
        "finish_labels": FINISH_LABELS,
        "ratings": BY_VALUE,
        "outcome_labels": OUTCOME_LABELS,
        "error": error,
        "reason": reason,
        **_submission_actions(access, db, assignment),
    }
    return render(request, "labeling/submission.html", status, **context)


def _submission_actions(access: Access, db: Db, assignment: Assignment) -> dict[str, Any]:
    """Its returns, and what the user may do with it."""
    submission_returns = returns.list_returns_of(db, assignment)
    is_submitted = assignment.state == "submitted"
    is_returned = any(row.resubmitted_at is None for row, _ in submission_returns)
    is_own = assignment.user_id == access.user.id
    return {
        "returns": submission_returns,
        "is_own": is_own,
        "can_reopen": is_own
        and (reopening.can_reopen(access.project, assignment, now()) or (is_submitted and is_returned)),
        "can_return": access.at_least("researcher")
        and is_submitted
        and not is_returned
        and assignment.import_origin is None,
    }


@router.post("/assignments/{assignment_id}/return")
def return_submission(
    request: Request,
    assignment_id: int,
    access: Researcher,
    db: Db,
    reason: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    assignment = get_visible_assignment(access, db, assignment_id)
    try:
        returns.return_submission(db, access.project, assignment_id, access.user, reason, now())
    except DomainError as error:
        return render_submission(request, access, db, assignment, error.status, error, reason)
    return redirect(f"{access.home}/assignments/{assignment_id}", "Returned. The labeler gets it next.")


class NoteRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID = Field(default_factory=uuid4)
    position: Annotated[int, Field(ge=0, le=32000)]
    candidate: Annotated[int, Field(ge=0, le=32000)] = 0
    text: Annotated[str, Field(max_length=notes.MAX_NOTE_LENGTH)] = ""

    def note(self) -> notes.Note:
        return notes.Note(self.id, self.position, self.text, self.candidate)


@router.post("/assignments/{assignment_id}/notes")
def save_note(assignment_id: int, body: NoteRequest, access: Member, db: Db) -> Response:
    assignment = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    notes.save_note(db, assignment, body.note())
    return JSONResponse({"saved": [str(body.id)]})


@router.post("/assignments/{assignment_id}/note")
def save_note_by_form(
    assignment_id: int, form: Annotated[NoteRequest, Form()], access: Member, db: Db
) -> Response:
    """The same from the page of a submission, without scripts."""
    assignment = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    notes.save_note(db, assignment, form.note())
    page = f"{access.home}/assignments/{assignment_id}#step-{form.position}"
    return redirect(page, "Note saved." if form.text.strip() else "Note removed.")
