"""The desk over HTTP: what a browser (or a scripted labeler) sees and sends."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.labeling.models import Assignment, StepLabel
from tests.factories import base as factories

JSON = {"Accept": "application/json"}


@pytest.fixture
def desk(db: Session, web: TestClient):  # type: ignore[no-untyped-def]
    """A labeler signed in to a project with three solutions waiting."""
    project = factories.project(db)
    who = factories.member(db, project)
    for number in range(3):
        problem = factories.problem(db, project, f"Problem {number} <b>$x^2$</b>")
        factories.task(db, factories.solution(db, problem), priority=-number, reason={"score": 0.93125})
    factories.sign_in(web, db, who)
    web.headers.update(JSON)
    return Desk(web, f"/projects/{project.slug}", project, who)


class Desk:
    def __init__(self, web, base, project, who):  # type: ignore[no-untyped-def]
        self.web, self.base, self.project, self.who = web, base, project, who

    def claim(self):  # type: ignore[no-untyped-def]
        return self.web.post(f"{self.base}/assignments")

    def rate(self, assignment: int, *ratings: int | None, first: int = 0):  # type: ignore[no-untyped-def]
        events = [
            {"id": str(uuid4()), "position": first + at, "rating": rating, "active_ms": 900}
            for at, rating in enumerate(ratings)
        ]
        return self.web.post(f"{self.base}/assignments/{assignment}/ratings", json={"events": events})

    def submit(self, assignment: int, reason: str, **more: object):  # type: ignore[no-untyped-def]
        body = {"finish_reason": reason, **more}
        return self.web.post(f"{self.base}/assignments/{assignment}/submission", json=body)


def test_claim_rate_submit_and_the_next_comes_along(db: Session, desk: Desk) -> None:
    first = desk.claim()
    assert first.status_code == 200
    sheet = first.json()
    assert sheet["problem"]["statement"] == "Problem 0 <b>$x^2$</b>"
    assert sheet["steps"] == ["2 + 2 = 4", "# Answer\n\n4"]
    assert sheet["ratings"] == []
    assignment_id = sheet["assignment"]["id"]
    assert desk.claim().json()["assignment"]["id"] == assignment_id

    rated = desk.rate(assignment_id, 1, 0).json()
    assert len(rated["saved"]) == 2
    assert [rating["rating"] for rating in rated["ratings"]] == [1, 0]
    done = desk.submit(assignment_id, "solution", total_time_ms=4200).json()
    assert done["submitted"] is True
    assert done["next"]["problem"]["statement"].startswith("Problem 1")
    stored = db.get(Assignment, assignment_id)
    assert stored
    assert (stored.total_time_ms, stored.active_time_ms) == (4200, 1800)
    assert db.scalars(select(StepLabel.ratings).where(StepLabel.assignment_id == assignment_id)).all() == [
        [1],
        [0],
    ]


@pytest.mark.parametrize("duration", [-250, 10**12])
def test_a_clock_that_jumped_costs_no_rating(db: Session, desk: Desk, duration: int) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    events = [
        {"id": str(uuid4()), "position": position, "rating": 1, "active_ms": duration} for position in (0, 1)
    ]
    answer = desk.web.post(f"{desk.base}/assignments/{assignment_id}/ratings", json={"events": events})
    assert answer.status_code == 200
    assert len(answer.json()["saved"]) == 2
    assert desk.submit(assignment_id, "solution", total_time_ms=duration).status_code == 200
    stored = db.get(Assignment, assignment_id)
    assert stored
    assert 0 <= (stored.total_time_ms or 0) <= 120_000
    assert 0 <= (stored.active_time_ms or 0) <= 120_000


def test_nothing_that_could_sway_is_sent(desk: Desk) -> None:
    body = desk.claim().text.replace("ask_reference_verdict", "")
    for word in ("0.93", "score", "verdict", "generation", "kind", "reason"):
        assert word not in body


@pytest.mark.parametrize(("policy", "seen"), [("shown", "4"), ("hidden", None), ("after", None)])
def test_the_reference_answer_is_policy(db: Session, desk: Desk, policy: str, seen: str | None) -> None:
    desk.project.reference_visibility = policy
    db.flush()
    sheet = desk.claim().json()
    assert sheet["problem"]["reference_answer"] == seen
    assignment_id = sheet["assignment"]["id"]
    desk.rate(assignment_id, -1)
    desk.submit(assignment_id, "found_error")
    after = desk.web.get(f"{desk.base}/assignments/{assignment_id}").json()
    assert after["problem"]["reference_answer"] == (None if policy == "hidden" else "4")
    assert db.get(Assignment, assignment_id).reference_shown is (policy == "shown")  # type: ignore[union-attr]


def test_a_refused_rating_keeps_what_was_valid(desk: Desk) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    events = [{"id": str(uuid4()), "position": at, "rating": 1} for at in (0, 7)]
    answer = desk.web.post(f"{desk.base}/assignments/{assignment_id}/ratings", json={"events": events})
    assert answer.status_code == 422
    assert answer.json()["saved"] == [events[0]["id"]]
    assert desk.claim().json()["ratings"][0]["position"] == 0
    answer = desk.rate(assignment_id, -1, 1)
    assert (answer.status_code, answer.json()["error"]) == (409, "out_of_order")
    assert answer.json()["remedy"]
    assert len(answer.json()["saved"]) == 1


def test_someone_elses_assignment(db: Session, desk: Desk) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    other = factories.member(db, desk.project)
    factories.sign_in(desk.web, db, other)
    for answer in (desk.rate(assignment_id, 1), desk.submit(assignment_id, "give_up", comment="no")):
        assert (answer.status_code, answer.json()["error"]) == (409, "not_yours")
    assert desk.web.get(f"{desk.base}/assignments/{assignment_id}").status_code == 404
    factories.sign_in(desk.web, db, factories.member(db, desk.project, "researcher"))
    assert desk.web.get(f"{desk.base}/assignments/{assignment_id}").status_code == 200


def test_an_assignment_of_another_project_is_not_there(db: Session, desk: Desk) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    elsewhere = factories.project(db)
    factories.member(db, elsewhere, "admin", desk.who)
    for path in ("ratings", "submission", "reopening", "lease", "release"):
        body = {"events": [{"id": str(uuid4()), "position": 0, "rating": 1}]}
        if path == "submission":
            body = {"finish_reason": "give_up", "comment": "x"}  # type: ignore[dict-item]
        answer = desk.web.post(f"/projects/{elsewhere.slug}/assignments/{assignment_id}/{path}", json=body)
        assert answer.status_code == 404, path
    assert desk.web.get(f"/projects/{elsewhere.slug}/assignments/{assignment_id}").status_code == 404


def test_a_stale_page_is_told_and_may_have_it_back(db: Session, desk: Desk) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    desk.rate(assignment_id, 1)
    stored = db.get(Assignment, assignment_id)
    assert stored
    stored.lease_expires_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    db.flush()
    refused = desk.rate(assignment_id, 1, first=1)
    assert (refused.status_code, refused.json()["error"]) == (409, "lease_lost")
    assert refused.json()["saved"] == []
    assert [rating["position"] for rating in refused.json()["ratings"]] == [0]
    assert (
        desk.web.post(f"{desk.base}/assignments/{assignment_id}/lease").json()["assignment"]["state"]
        == "leased"
    )
    assert desk.rate(assignment_id, 1, first=1).status_code == 200


def test_prefetch_undo_and_release(desk: Desk) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    ahead = desk.web.post(f"{desk.base}/reservation").json()["assignment"]
    assert ahead["state"] == "reserved"
    desk.rate(assignment_id, 1, 1)
    assert desk.submit(assignment_id, "solution").json()["next"]["assignment"]["id"] == ahead["id"]
    again = desk.web.post(f"{desk.base}/assignments/{assignment_id}/reopening")
    assert again.json()["assignment"] | {"id": assignment_id, "state": "leased"} == again.json()["assignment"]
    assert desk.web.post(f"{desk.base}/assignments/{assignment_id}/release").status_code == 204
    assert desk.claim().json()["assignment"]["id"] == ahead["id"]


def test_an_empty_queue(db: Session, desk: Desk) -> None:
    for _ in range(3):
        assignment_id = desk.claim().json()["assignment"]["id"]
        desk.rate(assignment_id, -1)
        last = desk.submit(assignment_id, "found_error")
    assert last.json()["next"] is None
    assert desk.claim().json()["no_task"] == last.json()["no_task"]
    assert last.json()["no_task"]["code"] == "none_left"
    assert desk.web.post(f"{desk.base}/reservation").status_code == 204
    page = desk.web.get(f"{desk.base}/desk", headers={"Accept": "text/html"}).text
    assert "No tasks available" in page
    assert "Queue solutions" not in page
    factories.sign_in(desk.web, db, factories.member(db, desk.project, "researcher"))
    assert "Queue solutions" in desk.web.get(f"{desk.base}/desk", headers={"Accept": "text/html"}).text


@pytest.mark.parametrize(
    "event",
    [
        {"id": "no", "position": 0, "rating": 1},
        {"id": str(uuid4()), "position": -1, "rating": 1},
        {"id": str(uuid4()), "position": 0, "rating": 2},
        {"id": str(uuid4()), "position": 99999, "rating": 1},
        {"id": str(uuid4()), "position": 0, "rating": 1, "candidate": 3},
        {"id": str(uuid4()), "position": 0, "rating": 1, "at": "yesterday"},
        {"id": str(uuid4()), "position": 0},
    ],
)
def test_nonsense_is_refused_politely(desk: Desk, event: dict[str, object]) -> None:
    assignment_id = desk.claim().json()["assignment"]["id"]
    answer = desk.web.post(f"{desk.base}/assignments/{assignment_id}/ratings", json={"events": [event]})
    assert answer.status_code == 422


def test_pages_for_people(db: Session, desk: Desk) -> None:
    html = {"Accept": "text/html"}
    assert desk.web.post(f"{desk.base}/assignments", headers=html).headers["location"] == f"{desk.base}/desk"
    page = desk.web.get(f"{desk.base}/desk", headers=html)
    assert page.status_code == 200
    assert "noscript" in page.text
    assignment_id = desk.claim().json()["assignment"]["id"]
    assert "No submissions yet" in desk.web.get(f"{desk.base}/history", headers=html).text
    desk.rate(assignment_id, 1, -1)
    desk.submit(assignment_id, "found_error")
    history = desk.web.get(f"{desk.base}/history", headers=html).text
    assert "Problem 0 &lt;b&gt;" in history
    assert "Reopen" in history
    shown = desk.web.get(f"{desk.base}/assignments/{assignment_id}", headers=html).text
    assert "Error found" in shown
    assert "&lt;b&gt;$x^2$&lt;/b&gt;" in shown
    back = desk.web.post(f"{desk.base}/assignments/{assignment_id}/reopening", headers=html)
    assert (back.status_code, back.headers["location"]) == (303, f"{desk.base}/desk")


def test_history_pages_by_key(db: Session, desk: Desk) -> None:
    moment = dt.datetime.now(dt.UTC)
    for number in range(35):
        problem = factories.problem(db, desk.project, f"Old problem {number}.")
        task = factories.task(db, factories.solution(db, problem), assigned_count=1)
        db.add(
            Assignment(
                project_id=desk.project.id,
                task_id=task.id,
                user_id=desk.who.id,
                state="submitted",
                finish_reason="solution",
                submitted_at=moment - dt.timedelta(hours=number),
            )
        )
    db.flush()
    html = {"Accept": "text/html"}
    first = desk.web.get(f"{desk.base}/history", headers=html).text
    assert "Old problem 29." in first
    assert "Old problem 30." not in first
    older = first.split("?before=")[1].split('"')[0]
    second = desk.web.get(f"{desk.base}/history?before={older}", headers=html).text
    assert "Old problem 30." in second
    assert "Old problem 29." not in second


def test_the_queue_over_the_api(db: Session, desk: Desk) -> None:
    api = f"/api/v1/projects/{desk.project.slug}/queue"
    factories.solution(db, factories.problem(db, desk.project))
    factories.solution(db, factories.problem(db, desk.project))
    assert desk.web.get(api).json() == {"waiting": 3, "in_progress": 0, "submitted": 0, "unqueued": 2}
    assert desk.web.post(api).status_code == 403
    factories.sign_in(desk.web, db, factories.member(db, desk.project, "researcher"))
    assert desk.web.post(api, json={"limit": 1}).json() == {"queued": 1}
    assert desk.web.post(f"{desk.base}/queue").status_code == 303
    assert desk.web.get(api).json()["unqueued"] == 0
