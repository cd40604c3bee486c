"""What a labeler is told of gold: after they submitted it, where the project wants it, never before."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.labeling import assignments, gold_feedback, reopening, returns
from app.labeling.models import Assignment, ControlAnswer, ControlResult
from app.quality.models import Adjudication
from tests.factories import base as factories
from tests.factories.quality import JSON, solution
from tests.markup import collapse

REASON = "The second line divides by zero."


class Desk:
    """One labeler over HTTP, and a project whose only waiting gold was adjudicated as [1, -1]."""

    def __init__(self, db: Session, web: TestClient, **policy: Any) -> None:
        self.db, self.web = db, web
        self.project = factories.project(db, **{"gold_rate": 0.5, "gold_feedback": True, **policy})
        self.boss = factories.member(db, self.project, "admin")
        self.who = factories.member(db, self.project)
        self.base = f"/projects/{self.project.slug}/assignments"
        factories.sign_in(web, db, self.who)

    def gold(self, kind: str = "gold") -> Assignment:
        new_solution = solution(self.db, self.project)
        decision = {"ratings": [1, -1], "reason": REASON, "decided_by": self.boss.id}
        self.db.add(Adjudication(project_id=self.project.id, solution_id=new_solution.id, **decision))
        task = factories.task(self.db, new_solution, kind=kind, overlap=9, assigned_count=1)
        self.db.add(ControlAnswer(task_id=task.id, ratings=[1, -1], source="adjudicated"))
        return self.held(task)

    def regular(self) -> Assignment:
        new_solution = solution(self.db, self.project)
        return self.held(factories.task(self.db, new_solution, assigned_count=1))

    def held(self, task: Any) -> Assignment:
        until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        assignment = Assignment(
            project_id=self.project.id, task=task, user_id=self.who.id, state="leased",
            lease_expires_at=until,
        )  # fmt: skip
        self.db.add(assignment)
        self.db.flush()
        return assignment

    def rate(self, held: Assignment, *ratings: int) -> None:
        events = [{"id": str(uuid4()), "position": at, "rating": rating} for at, rating in enumerate(ratings)]
        answer = self.web.post(f"{self.base}/{held.id}/ratings", json={"events": events})
        assert answer.status_code == 200
        assert "feedback" not in answer.text

    def submit(self, held: Assignment, finish: str) -> Any:
        sent = {"finish_reason": finish, "comment": "x", "total_time_ms": 1000}
        answer = self.web.post(f"{self.base}/{held.id}/submission", json=sent, headers=JSON)
        assert answer.status_code == 200
        return answer.json()["feedback"]


def test_it_is_told_which_steps_differ_and_why(db: Session, web: TestClient) -> None:
    desk = Desk(db, web)
    held = desk.gold()
    desk.rate(held, 1, 1, 1)
    assert REASON not in web.get(f"{desk.base}/{held.id}").text
    feedback = desk.submit(held, "solution")
    assert feedback == {
        "assignment": held.id, "correct": False, "first_error": 1, "rated": True, "reason": REASON,
        "differences": [{"position": 1, "given": 1, "expected": -1, "text": "two"}],
    }  # fmt: skip
    assert desk.submit(held, "solution") == feedback, "the answer to a second try is the same"
    page = web.get(f"{desk.base}/{held.id}").text
    assert "Control task" in page
    assert REASON in page
    assert "you rated positive; expected negative" in collapse(page)
    assert "control task" in web.get(f"/projects/{desk.project.slug}/history").text


@pytest.mark.parametrize(
    ("ratings", "finish", "right", "differs"),
    [
        ((0, -1), "found_error", True, []),
        ((-1,), "found_error", False, [0]),
        ((), "give_up", False, []),
    ],
)
def test_what_differs(
    db: Session, web: TestClient, ratings: tuple[int, ...], finish: str, right: bool, differs: list[int]
) -> None:
    desk = Desk(db, web)
    held = desk.gold()
    if ratings:
        desk.rate(held, *ratings)
    feedback = desk.submit(held, finish)
    assert (feedback["correct"], [difference["position"] for difference in feedback["differences"]]) == (
        right,
        differs,
    )
    assert feedback["rated"] is bool(ratings)


def test_nothing_is_told_of_anything_else(db: Session, web: TestClient) -> None:
    desk = Desk(db, web)
    for lay in (desk.regular, lambda: desk.gold("screening")):
        held = lay()
        desk.rate(held, 1, 1, 1)
        assert desk.submit(held, "solution") is None
        assert "Control task" not in web.get(f"{desk.base}/{held.id}").text
        assert not held.gold_feedback


def test_nothing_is_told_where_the_project_does_not_want_it_nor_later(db: Session, web: TestClient) -> None:
    desk = Desk(db, web, gold_feedback=False)
    held = desk.gold()
    desk.rate(held, 1, 1, 1)
    assert desk.submit(held, "solution") is None
    assert 'id="feedback"' not in web.get(f"/projects/{desk.project.slug}/desk").text
    desk.project.gold_feedback = True
    db.flush()
    assert "Control task" not in web.get(f"{desk.base}/{held.id}").text
    assert 'id="feedback"' in web.get(f"/projects/{desk.project.slug}/desk").text


def test_who_was_told_cannot_take_it_back_and_the_first_time_counts(db: Session, web: TestClient) -> None:
    desk = Desk(db, web)
    held = desk.gold()
    desk.rate(held, 1, 1, 1)
    now = dt.datetime.now(dt.UTC)
    desk.submit(held, "solution")
    assert not reopening.can_reopen(desk.project, held, now)
    refused = web.post(f"{desk.base}/{held.id}/reopening", headers=JSON)
    assert refused.status_code == 409
    assert "You have seen the feedback" in refused.json()["message"]
    # a researcher may still return it; then what they say with that knowledge changes no mark
    returns.return_submission(db, desk.project, held.id, desk.boss, "Look again", now)
    reopening.reopen_submission(db, desk.project, held, now)
    event = assignments.RatingEventData(uuid4(), 1, 0, -1, None, 500, now)
    assignments.record_events(db, desk.project, held, [event], now)
    assignments.submit_assignment(db, desk.project, held, "found_error", "", 1000, now)
    assert db.scalar(select(ControlResult.correct).where(ControlResult.assignment_id == held.id)) is False


def test_flagged_steps_are_said_as_such() -> None:
    assert gold_feedback.rating_differences([1, None, -1], [1, -1]) == [
        {"position": 1, "given": None, "expected": -1}
    ]
    assert gold_feedback.rating_differences([1], [1, 0, -1]) == []
