"""Adjudication: the queue, one solution blind and with its labels, the decision, and what comes of it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.web import redirect, render
from app.labeling import returning
from app.projects.access import Access, Researcher
from app.quality import adjudicating, competence, gold, standing

router = APIRouter()
WORDS = {1: "great", 0: "okay", -1: "bad", None: "can’t tell"}
KNEW = {
    "nothing": "decided blind",
    "own": "decided by someone who had judged it themselves",
    "opened": "decided after opening its labels on another page",
    "shown": "decided with the labels shown",
    "unknown": "whether it was decided blind is not known",
}
Ratings = Annotated[list[str], Form(max_length=2000)]


def rated(step: list[str]) -> list[int | None]:
    return [{"1": 1, "0": 0, "-1": -1}.get(each) for each in step]


@router.get("/adjudications")
def queue(request: Request, access: Researcher, db: Db, why: str | None = None) -> Response:
    if why is not None and why not in adjudicating.REASONS:
        raise NotFound("There is no such queue.", remedy="See all that waits.")
    found = adjudicating.waiting(db, access.project.id, why)
    context: dict[str, Any] = {"waiting": found, "why": why, "most": adjudicating.PAGE}
    context["judge"] = competence.judge(db, access.project.id)
    return render(
        request, "quality/adjudications.html", reasons=adjudicating.REASONS, sure=adjudicating.SURE, **context
    )


@router.get("/adjudications/count")
def count(request: Request, access: Researcher, db: Db) -> Response:
    found = adjudicating.waiting(db, access.project.id)
    return render(request, "quality/_waiting.html", waiting=found, most=adjudicating.PAGE)


@router.get("/solutions/{solution_id}")
def solution(request: Request, solution_id: int, access: Researcher, db: Db) -> Response:
    return _case(request, access, db, solution_id)


@router.post("/solutions/{solution_id}/labels")
def show_labels(solution_id: int, access: Researcher, db: Db, step: Ratings = []) -> Response:  # noqa: B006
    """Before the decision, and written down: from here on it is not blind."""
    adjudicating.show(db, access.project, access.user, solution_id, rated(step))
    return redirect(
        f"{access.home}/quality/solutions/{solution_id}", "This decision will not be called blind.", "note"
    )


@router.post("/solutions/{solution_id}/adjudication")
def decide(
    request: Request,
    solution_id: int,
    access: Researcher,
    db: Db,
    step: Ratings = [],  # noqa: B006
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    ratings = rated(step)
    try:
        adjudicating.decide(db, access.project, access.user, solution_id, ratings, reason)
    except NotFound:
        raise
    except DomainError as wrong:
        return _case(request, access, db, solution_id, wrong, ratings, reason)
    return redirect(f"{access.home}/quality/solutions/{solution_id}", "Decided. The labels are shown below.")


def _case(
    request: Request,
    access: Access,
    db: Db,
    solution_id: int,
    wrong: DomainError | None = None,
    ratings: list[int | None] | None = None,
    reason: str = "",
) -> Response:
    case = adjudicating.case(db, access.project, access.user, solution_id)
    return render(
        request,
        "quality/case.html",
        wrong.status if wrong else 200,
        case=case,
        known=gold.known_as(db, case.solution),
        wrong=wrong,
        typed=case.before if ratings is None else ratings,
        reason=reason,
        words=WORDS,
        knew=KNEW,
    )


@router.post("/solutions/{solution_id}/gold")
def make_gold(solution_id: int, access: Researcher, db: Db) -> Response:
    adjudicating.case(db, access.project, access.user, solution_id)
    gold.make(db, access.project, access.user, "gold", solution_id=solution_id)
    return redirect(f"{access.home}/quality/solutions/{solution_id}", "It is mixed in as gold from now on.")


@router.post("/returns")
def give_back(
    access: Researcher,
    db: Db,
    assignment: Annotated[int, Form(ge=1, le=2**62)],
    reason: Annotated[str, Form(max_length=20_000)] = "",
    to: Annotated[Literal["solution", "labeler"], Form()] = "solution",
) -> Response:
    """A judgement goes back to its labeler, from the solution's page or the labeler's (`to`)."""
    page = f"{access.home}/quality{returned_from(db, access, assignment, to)}"
    try:
        returning.give_back(db, access.project, assignment, access.user, reason, dt.datetime.now(dt.UTC))
    except NotFound:
        raise
    except DomainError as wrong:
        return redirect(page, f"{wrong.message} {wrong.remedy}", "bad")
    return redirect(page, "Returned. It comes first at its labeler’s desk.")


def returned_from(db: Db, access: Access, assignment_id: int, to: str) -> str:
    found = standing.judgement(db, access.project, assignment_id)
    return f"/labelers/{found.user_id}" if to == "labeler" else f"/solutions/{found.solution_id}"
