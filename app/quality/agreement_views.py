"""Agreement on the quality pages: the section that polls, its recomputation, and shared solutions."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.accounts.models import User
from app.core.db import Db
from app.core.web import redirect, render, render_polled
from app.projects.access import Access, Researcher
from app.quality import agreement_report, labeler_status

router = APIRouter()
Id = Annotated[int | None, Query(ge=1, le=2**62)]


def agreement_context(db: Db, access: Access, labeler: User | None) -> dict[str, Any]:
    """Context of quality/_agreement.html. `labeler` None means the whole project."""
    now = dt.datetime.now(dt.UTC)
    report = agreement_report.get_report(db, access.project.id, now, labeler.id if labeler else None)
    names = labeler_status.load_names(db, [id for first, second, _ in report.pairs for id in (first, second)])
    return {"report": report, "labeler": labeler, "names": names}


def find_labeler(db: Db, access: Access, user_id: int | None) -> User | None:
    return labeler_status.get_labeler(db, access.project, user_id) if user_id else None


@router.get("/agreement")
def agreement_page(request: Request, access: Researcher, db: Db, labeler: Id = None) -> Response:
    context = agreement_context(db, access, find_labeler(db, access, labeler))
    over = not context["report"].is_active
    return render_polled(request, "quality/_agreement.html", over=over, **context)


@router.post("/agreement")
def recompute(access: Researcher, db: Db, labeler: Id = None) -> Response:
    user = find_labeler(db, access, labeler)
    agreement_report.request_report(db, access.project.id, dt.datetime.now(dt.UTC), access.user.id)
    page = f"/labelers/{user.id}" if user else ""
    return redirect(f"{access.home}/quality{page}", "Computing…", "note")


@router.get("/agreement/solutions")
def shared_solutions_page(
    request: Request, access: Researcher, db: Db,
    labeler: Id = None, other: Id = None,
    generation: Annotated[int, Query(ge=-1, le=2**31 - 1)] | Literal["none"] | None = None,
) -> Response:  # fmt: skip
    """Shared solutions that a figure is computed from, without their labels."""
    labelers = [user for user in (find_labeler(db, access, labeler), find_labeler(db, access, other)) if user]
    number = generation if isinstance(generation, int) else None
    scope = (
        "pair" if other else "labeler" if labeler else "generation" if generation is not None else "project"
    )
    value = agreement_report.get_value(db, access.project.id, scope, number, labeler, other)
    return render(
        request,
        "quality/agreement_solutions.html",
        value=value,
        solutions=agreement_report.list_shared_solutions(db, access.project.id, value),
        names=list(labeler_status.load_names(db, [user.id for user in labelers]).values()),
    )


@router.get("/shared")
def former_shared_solutions_page(request: Request, access: Researcher) -> Response:
    """The address before it was renamed."""
    query = f"?{request.url.query}" if request.url.query else ""
    return redirect(f"{access.home}/quality/agreement/solutions{query}")
