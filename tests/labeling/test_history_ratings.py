"""The history shows the ratings of each submission, and tasks whose lease ended before one."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.labeling import assignments, claims
from app.labeling.models import Assignment
from app.projects.models import Project
from tests.factories import base as factories


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def rate(db: Session, project: Project, assignment: Assignment, *ratings: int | None) -> None:
    events = [
        assignments.RatingEventData(uuid4(), position, 0, rating, rating is None, 1000, now())
        for position, rating in enumerate(ratings)
    ]
    assert assignments.record_events(db, project, assignment, events, now()).refusal is None


def test_a_row_shows_its_ratings_and_an_ended_lease_what_was_rated(web: TestClient, db: Session) -> None:
    project = factories.project(db, "Pilot")
    labeler = factories.member(db, project)
    for number in (1, 2):
        problem = factories.problem(db, project, f"Problem {number}")
        factories.task(db, factories.solution(db, problem, ("a", "b", "c")), priority=-number)
    first = claims.claim_assignment(db, project, labeler, now())
    assert first
    rate(db, project, first, 1, None, -1)
    assignments.submit_assignment(db, project, first, "found_error", "", 1000, now())
    second = claims.claim_assignment(db, project, labeler, now())
    assert second
    rate(db, project, second, 0, 1)
    factories.sign_in(web, db, labeler)
    history = f"/projects/{project.slug}/history"
    assert "not submitted" not in web.get(history).text  # it is at the desk
    claims.release_assignment(db, second)
    page = web.get(history).text
    assert 'aria-label="positive, flagged, negative"' in page
    assert "1 not submitted: the lease ended" in page
    assert "2 rated" in page
    assert f'href="{history.removesuffix("/history")}/assignments/{second.id}"' in page
    assert "not submitted" not in web.get(f"{history}?query=problem").text
