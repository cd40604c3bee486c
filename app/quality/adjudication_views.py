"""Pages of adjudication: the queue, the decision on a solution, and the return of a submission."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.web import redirect, render
from app.labeling import returns, shortcuts
from app.labeling.ratings import BY_VALUE, RATINGS, ratings_json
from app.projects.access import Access, Researcher
from app.quality import (
    adjudication,
    adjudication_case,
    adjudication_queue,
    control_task_creation,
    labeler_status,
    reviewing_model,
)

router = APIRouter()
EXPOSURE_LABELS = {
    "none": "decided blind",
    "own": "decided by someone who labeled it",
    "page": "decided after opening its labels on another page",
    "reveal": "decided with the labels revealed",
    "unknown": "blinding not recorded",
}
REASON_LABELS = {
    "disagreement": "Labelers disagree",
    "flagged": "Flagged",
    "model_disagreement": "Model disagrees",
}
After = Annotated[int, Query(ge=0, lt=2**62)]


class Decision(BaseModel):
    """One rating per step: the field `step-0` is 1, 0 or -1. A step without a field is not rated."""

    model_config = ConfigDict(extra="allow")
    reason: Annotated[str, Field(max_length=2000)] = ""

    def ratings(self) -> list[int | None]:
        fields = {str(name): value for name, value in (self.model_extra or {}).items()}
        last = max((at for at in range(len(fields)) if f"step-{at}" in fields), default=-1)
        return [{"1": 1, "0": 0, "-1": -1}.get(str(fields.get(f"step-{at}"))) for at in range(last + 1)]


DecisionForm = Annotated[Decision, Form()]


@router.get("/adjudications")
def queue(
    request: Request, access: Researcher, db: Db, reason: str | None = None, after: After = 0
) -> Response:
    project = access.project
    _require_reason(reason)
    return render(
        request,
        "quality/adjudications.html",
        up_to_date=adjudication_queue.refresh_changed(db, project.id),
        candidates=adjudication.list_candidates(db, project.id, reason, after),
        count=adjudication.count_candidates(db, project.id),
        reason=reason,
        after=after,
        most=adjudication.PAGE,
        reason_labels=REASON_LABELS,
        min_confidence=adjudication_queue.MIN_CONFIDENCE,
        reviewer=reviewing_model.find_reviewing_model(db, project.id),
    )


@router.get("/adjudications/next")
def next_solution(access: Researcher, db: Db, reason: str | None = None, after: After = 0) -> Response:
    """Redirect to the solution after `after`, or to the queue when no solution is left."""
    _require_reason(reason)
    adjudication_queue.refresh_changed(db, access.project.id)
    next_id = adjudication.next_candidate(db, access.project.id, reason, after)
    query = f"?reason={reason}" if reason else ""
    if next_id is None:
        return redirect(f"{access.home}/quality/adjudications{query}", "Adjudication queue is empty.", "note")
    return redirect(f"{access.home}/quality/solutions/{next_id}{query}")


def _require_reason(reason: str | None) -> None:
    if reason is not None and reason not in adjudication.REASONS:
        raise NotFound("Unknown reason.", remedy=f"Valid reasons: {', '.join(adjudication.REASONS)}.")


@router.get("/solutions/{solution_id}")
def solution(
    request: Request, solution_id: int, access: Researcher, db: Db, reason: str | None = None
) -> Response:
    _require_reason(reason)
    return _render_case(request, access, db, solution_id, reason)


@router.post("/solutions/{solution_id}/labels")
def show_labels(
    solution_id: int, access: Researcher, db: Db, sent: DecisionForm, reason: str | None = None
) -> Response:
    """Reveal the labels before the decision. The reveal is recorded, so the decision is not blind."""
    adjudication.reveal_labels(db, access.project, access.user, solution_id, sent.ratings())
    return redirect(
        _case_url(access, solution_id, reason), "Labels revealed. This decision is not blind.", "note"
    )


@router.post("/solutions/{solution_id}/adjudication")
def create_adjudication(
    request: Request,
    solution_id: int,
    access: Researcher,
    db: Db,
    sent: DecisionForm,
    reason: str | None = None,
) -> Response:
    try:
        adjudication.record_decision(
            db, access.project, access.user, solution_id, sent.ratings(), sent.reason
        )
    except NotFound:
        raise
    except DomainError as error:
        return _render_case(request, access, db, solution_id, reason, error, sent)
    return redirect(_case_url(access, solution_id, reason), "Decision saved. The labels are shown below.")


def _case_url(access: Access, solution_id: int, reason: str | None) -> str:
    _require_reason(reason)
    return f"{access.home}/quality/solutions/{solution_id}" + (f"?reason={reason}" if reason else "")


def _render_case(
    request: Request,
    access: Access,
    db: Db,
    solution_id: int,
    reason: str | None,
    error: DomainError | None = None,
    sent: Decision | None = None,
) -> Response:
    case = adjudication_case.load_case(db, access.project, access.user, solution_id)
    return render(
        request,
        "quality/adjudication.html",
        error.status if error else 200,
        case=case,
        queue_reason=reason,
        control_kind=control_task_creation.find_control_kind(db, case.solution),
        error=error,
        ratings=sent.ratings() if sent else case.before,
        reason=sent.reason if sent else "",
        rating_labels={value: kind.word.capitalize() for value, kind in BY_VALUE.items()},
        exposure_labels=EXPOSURE_LABELS,
        rating_buttons=RATINGS,
        ratings_json=ratings_json(),
        keys=shortcuts.get_shortcuts(access.user),
    )


@router.post("/solutions/{solution_id}/gold")
def make_gold(solution_id: int, access: Researcher, db: Db) -> Response:
    adjudication_case.load_case(db, access.project, access.user, solution_id)
    control_task_creation.create_control_tasks(
        db, access.project, access.user, "gold", solution_id=solution_id
    )
    return redirect(f"{access.home}/quality/solutions/{solution_id}", "Marked as gold.")


@router.post("/returns")
def return_submission(
    access: Researcher,
    db: Db,
    assignment: Annotated[int, Form(ge=1, le=2**62)],
    reason: Annotated[str, Form(max_length=20_000)] = "",
    to: Annotated[Literal["solution", "labeler"], Form()] = "solution",
) -> Response:
    """Return a submission to its labeler. `to` is the page to go back to."""
    page = f"{access.home}/quality{return_and_describe(db, access, assignment, to)}"
    try:
        returns.return_submission(
            db, access.project, assignment, access.user, reason, dt.datetime.now(dt.UTC)
        )
    except NotFound:
        raise
    except DomainError as error:
        return redirect(page, f"{error.message} {error.remedy}", "error")
    return redirect(page, "Returned. The labeler gets it next.")


def return_and_describe(db: Db, access: Access, assignment_id: int, to: str) -> str:
    submission = labeler_status.get_submission(db, access.project, assignment_id)
    return f"/labelers/{submission.user_id}" if to == "labeler" else f"/solutions/{submission.solution_id}"
