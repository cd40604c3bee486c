"""Agreement on the pages of quality: the part that refreshes itself, counting anew, and the
solutions behind a figure."""

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
    """What quality/_agreement.html shows; None: the project's."""
    now = dt.datetime.now(dt.UTC)
    report = agreement_report.of(db, access.project.id, now, labeler.id if labeler else None)
    names = labeler_status.load_names(db, [id for first, second, _ in report.pairs for id in (first, second)])
    return {"read": report, "who": labeler, "names": names}


def find_person(db: Db, access: Access, user_id: int | None) -> User | None:
    return labeler_status.get_labeler(db, access.project, user_id) if user_id else None


@router.get("/agreement")
def agreement_page(request: Request, access: Researcher, db: Db, labeler: Id = None) -> Response:
    context = agreement_context(db, access, find_person(db, access, labeler))
    over = not context["read"].under_way
    return render_polled(request, "quality/_agreement.html", over=over, **context)


@router.post("/agreement")
def recompute(access: Researcher, db: Db, labeler: Id = None) -> Response:
    person = find_person(db, access, labeler)
    agreement_report.ask(db, access.project.id, dt.datetime.now(dt.UTC))
    page = f"/labelers/{person.id}" if person else ""
    return redirect(f"{access.home}/quality{page}", "The worker counts it.", "note")


@router.get("/shared")
def shared_solutions_page(
    request: Request, access: Researcher, db: Db,
    labeler: Id = None, other: Id = None,
    generation: Annotated[int, Query(ge=-1, le=2**31 - 1)] | Literal["none"] | None = None,
) -> Response:  # fmt: skip
    """The solutions a figure rests on, without what anyone said of them."""
    people = [
        person for person in (find_person(db, access, labeler), find_person(db, access, other)) if person
    ]
    number = generation if isinstance(generation, int) else None
    figure, shared = agreement_report.solutions(
        db, access.project.id, number, labeler, other, generation is None
    )
    names = list(labeler_status.load_names(db, [person.id for person in people]).values())
    return render(request, "quality/shared.html", figure=figure, found=shared, names=names)
