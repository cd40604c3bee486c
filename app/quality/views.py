"""Quality pages: the project's, a labeler's, adjudication, and the policy."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.accounts import audit
from app.core.db import Db
from app.core.errors import DomainError, NotFound
from app.core.web import redirect, render
from app.projects.access import Access, ProjectAdmin, Researcher
from app.quality import adjudicating, agreement_views, gold, reading, standing
from app.quality.agreement_views import agreement_of

router = APIRouter(prefix="/projects/{slug}/quality", include_in_schema=False)
router.include_router(agreement_views.router)

WORDS = {1: "great", 0: "okay", -1: "bad", None: "can’t tell"}
Share = Annotated[float, Field(ge=0, le=100)]


class PolicyForm(BaseModel):
    """In per cent, as people write it."""

    overlap: Annotated[int, Field(ge=1, le=99)]
    overlap_share: Share
    screening_mark: Share
    gold_rate: Annotated[float, Field(ge=0, le=50)]
    gold_mark: Share
    gold_window: Annotated[int, Field(ge=1, le=1000)]
    gold_feedback: bool = False


def home(access: Access, page: str = "") -> str:
    return f"/projects/{access.project.slug}/quality{page}"


@router.get("")
def quality(request: Request, access: Researcher, db: Db) -> Response:
    project = access.project
    return render(
        request,
        "quality/quality.html",
        **agreement_of(db, access, None),
        labelers=reading.labelers(db, project.id),
        known=gold.counts(db, project.id),
        waiting=adjudicating.waiting(db, project.id),
        most=adjudicating.PAGE,
    )


@router.get("/labelers/{user_id}")
def labeler(request: Request, user_id: int, access: Researcher, db: Db) -> Response:
    who = standing.labeler(db, access.project, user_id)
    marks = reading.marks(db, access.project.id, user_id)
    return render(
        request,
        "quality/labeler.html",
        **agreement_of(db, access, who),
        done=next(iter(reading.labelers(db, access.project.id, user_id)), None),
        marks=marks,
        drift=reading.drift(marks, access.project.gold_window),
    )


@router.post("/labelers/{user_id}/lifting")
def lift(user_id: int, access: ProjectAdmin, db: Db) -> Response:
    standing.labeler(db, access.project, user_id)
    standing.lift(db, access.project, user_id, access.user, dt.datetime.now(dt.UTC))
    return redirect(home(access, f"/labelers/{user_id}"), "The pause is lifted.")


@router.post("/labelers/{user_id}/screening")
def screen_again(user_id: int, access: ProjectAdmin, db: Db) -> Response:
    standing.labeler(db, access.project, user_id)
    standing.screen_again(db, access.project, user_id, access.user)
    return redirect(home(access, f"/labelers/{user_id}"), "They may take the screening again.")


@router.get("/adjudications")
def queue(request: Request, access: Researcher, db: Db, why: str | None = None) -> Response:
    if why is not None and why not in adjudicating.REASONS:
        raise NotFound("There is no such queue.", remedy="See all that waits.")
    found = adjudicating.waiting(db, access.project.id, why)
    context: dict[str, Any] = {"waiting": found, "why": why, "most": adjudicating.PAGE}
    return render(request, "quality/adjudications.html", reasons=adjudicating.REASONS, **context)


@router.get("/solutions/{solution_id}")
def solution(request: Request, solution_id: int, access: Researcher, db: Db) -> Response:
    return _case(request, access, db, solution_id)


@router.post("/solutions/{solution_id}/adjudication")
def decide(
    request: Request,
    solution_id: int,
    access: Researcher,
    db: Db,
    step: Annotated[list[str], Form(max_length=2000)] = [],  # noqa: B006
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    ratings = [{"1": 1, "0": 0, "-1": -1}.get(each) for each in step]
    try:
        adjudicating.decide(db, access.project, access.user, solution_id, ratings, reason)
    except NotFound:
        raise
    except DomainError as wrong:
        return _case(request, access, db, solution_id, wrong, ratings, reason)
    return redirect(home(access, f"/solutions/{solution_id}"), "Decided. The labels are shown below.")


def _case(
    request: Request,
    access: Access,
    db: Db,
    solution_id: int,
    wrong: DomainError | None = None,
    ratings: list[int | None] | None = None,
    reason: str = "",
) -> Response:
    case = adjudicating.case(db, access.project, solution_id)
    return render(
        request,
        "quality/case.html",
        wrong.status if wrong else 200,
        case=case,
        known=gold.known_as(db, case.solution),
        wrong=wrong,
        typed=ratings or [],
        reason=reason,
        words=WORDS,
    )


@router.post("/solutions/{solution_id}/gold")
def make_gold(solution_id: int, access: Researcher, db: Db) -> Response:
    adjudicating.case(db, access.project, solution_id)
    gold.make(db, access.project, access.user, "gold", solution_id=solution_id)
    return redirect(home(access, f"/solutions/{solution_id}"), "It is mixed in as gold from now on.")


@router.post("/known-tasks")
def make_known(
    access: ProjectAdmin,
    db: Db,
    kind: Annotated[str, Form(pattern="^gold$|^screening$")],
    count: Annotated[int, Form(ge=1, le=gold.MOST)],
) -> Response:
    made = gold.make(db, access.project, access.user, kind, count)
    return redirect(home(access, "/policy"), f"{made:,} {kind} tasks made.")


@router.get("/policy")
def policy(request: Request, access: ProjectAdmin, db: Db) -> Response:
    return render(request, "quality/policy.html", known=gold.counts(db, access.project.id))


@router.post("/policy")
def save_policy(access: ProjectAdmin, db: Db, sent: Annotated[PolicyForm, Form()]) -> Response:
    changed = {}
    for name, value in sent.model_dump().items():
        new = value / 100 if isinstance(value, float) else value
        if (old := getattr(access.project, name)) != new:
            changed[name] = [old, new]
            setattr(access.project, name, new)
    if changed:
        db.flush()
        audit.record(
            db, access.user, "quality.change", access.project.name, changed, project_id=access.project.id
        )
    return redirect(home(access, "/policy"), "Saved." if changed else "Nothing was different.")
