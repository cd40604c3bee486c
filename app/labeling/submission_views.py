"""A labeler's history, one judgement read again, notes on its steps, and its return by a researcher."""

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
    label_exposure,
    notes,
    previous_submissions,
    reopening,
    returns,
)
from app.labeling.models import Assignment
from app.projects.access import Access, Member, Researcher

router = APIRouter()

RATING_LABELS = {1: "great", 0: "okay", -1: "bad"}
FINISH_LABELS = {
    "solution": "no error",
    "found_error": "error found",
    "bad_problem": "bad problem",
    "give_up": "given up",
}
REOPEN_LABELS = {"undone": "undone", "reopened": "reopened", "returned": "returned"}
OUTCOME_LABELS = {
    "replaced": "replaced by the next",
    "kept": "left, so it counts again",
    None: "on the desk again",
}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


Day = Annotated[dt.date | None, BeforeValidator(_empty_is_none)]


class HistoryForm(BaseModel):
    """As a form without scripts sends it: everything, much of it empty."""

    q: Annotated[str, Field(max_length=200)] = ""
    finish: Literal["", "solution", "found_error", "bad_problem", "give_up"] = ""
    since: Day = None
    until: Day = None
    flagged: bool = False
    before: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None

    def search(self) -> history.HistorySearch:
        return history.HistorySearch(self.q.strip(), self.finish, self.since, self.until, self.flagged)


@router.get("/history")
def history_page(request: Request, access: Member, db: Db, sent: Annotated[HistoryForm, Query()]) -> Response:
    project, moment, search = access.project, now(), sent.search()
    rows, older = history.list_submissions(db, project, access.user, search, sent.before)
    came_back = returns.list_open_returns(db, project, access.user) if sent.before is None else []
    mine = {row[0].id for row in rows}
    return render(
        request,
        "labeling/history.html",
        rows=rows,
        notes=notes.load_notes(db, mine),
        search=search,
        first=sent.before is None,
        older=urlencode({**search.to_query(), "before": older}) if older else None,
        came_back=came_back,
        reopenable={row[0].id for row in rows if reopening.can_reopen(project, row[0], moment)},
        finish=FINISH_LABELS,
    )


def get_visible_assignment(access: Access, db: Db, assignment_id: int) -> Assignment:
    """One's own, or any of the project for researchers."""
    found = db.get(Assignment, assignment_id)
    seen = found and (found.user_id == access.user.id or access.at_least("researcher"))
    if found is None or found.project_id != access.project.id or not seen:
        raise NotFound("There is no such assignment among yours.", remedy="See your history.")
    return found


@router.get("/assignments/{assignment_id}")
def submission_page(request: Request, assignment_id: int, access: Member, db: Db) -> Response:
    found = get_visible_assignment(access, db, assignment_id)
    label_exposure.record_submission_exposure(db, access.user, found)
    return render_submission(request, access, db, found)


def render_submission(
    request: Request, access: Access, db: Db, found: Assignment, status: int = 200,
    wrong: DomainError | None = None, reason: str = "",
) -> Response:  # fmt: skip
    sheet = desk_payload.build_desk_payload(db, access.project, found)
    if wants_json(request):
        return JSONResponse(sheet)
    task_returns = returns.list_returns_of(db, found)
    own = found.user_id == access.user.id
    context: dict[str, Any] = {
        "assignment": found, "sheet": sheet, "own": own, "returns": task_returns,
        "positions": history.list_rated_steps(db, found, sheet),
        "notes": notes.load_notes(db, [found.id]).get(found.id, {}),
        "earlier": previous_submissions.list_previous_submissions(db, found),
        "feedback": gold_feedback.get_gold_feedback(db, found),
        "can_reopen": own and (
            reopening.can_reopen(access.project, found, now())
            or (found.state == "submitted" and any(row.answered_at is None for row, _ in task_returns))
        ),
        "can_return": access.at_least("researcher") and found.state == "submitted" and found.origin is None
        and all(row.answered_at is not None for row, _ in task_returns),
        "finish": FINISH_LABELS, "words": RATING_LABELS, "why": REOPEN_LABELS, "ended": OUTCOME_LABELS,
        "wrong": wrong, "reason": reason,
    }  # fmt: skip
    return render(request, "labeling/assignment.html", status, **context)


@router.post("/assignments/{assignment_id}/return")
def return_submission(
    request: Request, assignment_id: int, access: Researcher, db: Db,
    reason: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:  # fmt: skip
    found = get_visible_assignment(access, db, assignment_id)
    try:
        returns.return_submission(db, access.project, assignment_id, access.user, reason, now())
    except DomainError as wrong:
        return render_submission(request, access, db, found, wrong.status, wrong, reason)
    to = f"{access.home}/assignments/{assignment_id}"
    return redirect(to, "Returned. It comes first at its labeler's desk.")


class NoteRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID = Field(default_factory=uuid4)
    position: Annotated[int, Field(ge=0, le=32000)]
    candidate: Annotated[int, Field(ge=0, le=32000)] = 0
    text: Annotated[str, Field(max_length=notes.MAX_NOTE_LENGTH)] = ""

    def note(self) -> notes.Note:
        return notes.Note(self.id, self.position, self.text, self.candidate)


@router.post("/assignments/{assignment_id}/notes")
def save_note(assignment_id: int, sent: NoteRequest, access: Member, db: Db) -> Response:
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    notes.save_note(db, mine, sent.note())
    return JSONResponse({"saved": [str(sent.id)]})


@router.post("/assignments/{assignment_id}/note")
def save_note_by_form(
    assignment_id: int, sent: Annotated[NoteRequest, Form()], access: Member, db: Db
) -> Response:
    """The same from the page of a judgement, without scripts."""
    mine = assignments.get_own_assignment(db, access.project, assignment_id, access.user.id)
    notes.save_note(db, mine, sent.note())
    to = f"{access.home}/assignments/{assignment_id}#step-{sent.position}"
    return redirect(to, "Note saved." if sent.text.strip() else "Note removed.")
