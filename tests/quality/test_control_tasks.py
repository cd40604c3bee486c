"""Screening, gold and pauses, by the desk's own rules."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.accounts.display_name import display_name
from app.accounts.models import AuditEvent
from app.core.errors import Invalid
from app.labeling import claims, control_tasks, initial_queue
from app.labeling.models import Assignment, ControlResult, LabelerStatus, Task
from app.problems.models import ExternalLabel
from app.quality import control_task_creation, labeler_status
from tests.factories import base as factories
from tests.factories.quality import (
    JSON,
    NOW,
    STEPS,
    expected_first_error,
    label_solution,
    screened_project,
    solution,
)


def test_screening_comes_first_and_lets_the_careful_through(db: Session) -> None:
    project = screened_project(db)
    who = factories.member(db, project)
    for _ in range(4):
        held = claims.claim_assignment(db, project, who, NOW)
        assert db.get(Task, held.task_id).kind == "screening"
        assert db.get(Task, held.task_id).generation == -1
        label_solution(db, project, held, expected_first_error(db, held))
    assert db.get(LabelerStatus, (project.id, who.id)).screening_result == "passed"
    assert db.get(Task, claims.claim_assignment(db, project, who, NOW).task_id).kind == "regular"
    mark = db.scalars(select(ControlResult)).all()
    assert all(result.correct and result.steps == result.correct_steps for result in mark)


def test_who_fails_is_told_and_may_be_let_in_again(db: Session, web: TestClient) -> None:
    project = screened_project(db)
    who, admin = factories.member(db, project), factories.member(db, project, "admin")
    for _ in range(4):
        held = claims.claim_assignment(db, project, who, NOW)
        right = expected_first_error(db, held)
        label_solution(db, project, held, 0 if right != 0 else 1)
    assert claims.claim_assignment(db, project, who, NOW) is None
    assert claims.prefetch_assignment(db, project, who, NOW) is None
    factories.sign_in(web, db, who)
    page = web.get(f"/projects/{project.slug}/desk")
    assert page.status_code == 200
    assert "0%" in page.text
    assert f"A project admin can let you retry. Admins of this project: {display_name(admin)}." in page.text
    factories.sign_in(web, db, admin)
    done = web.post(f"/projects/{project.slug}/quality/labelers/{who.id}/screening")
    assert done.status_code == 303
    db.expire_all()
    assert db.get(Task, claims.claim_assignment(db, project, who, NOW).task_id).kind == "screening"
    actions = set(db.scalars(select(AuditEvent.action)))
    assert {"screening.failed", "screening.reset"} <= actions


def test_gold_is_handed_out_and_a_labeler_under_the_mark_is_paused(
    db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = factories.project(db, gold_rate=0.5, gold_threshold=0.6, gold_window=3)
    for at in (0, 1, 2, -1):
        solution(db, project, at)
    control_task_creation.create_control_tasks(db, project, None, "gold", 4)
    for _ in range(30):
        factories.task(db, solution(db, project))
    who, admin = factories.member(db, project), factories.member(db, project, "admin")
    draws = itertools.cycle((lambda most: most - 1, lambda most: 0))
    monkeypatch.setattr(control_tasks.secrets, "randbelow", lambda most: next(draws)(most))
    kinds = []
    while held := claims.claim_assignment(db, project, who, NOW):
        kinds.append(db.get(Task, held.task_id).kind)
        if kinds[-1] == "gold":
            label_solution(db, project, held, 1 if expected_first_error(db, held) == 0 else 0)
        else:
            label_solution(db, project, held, -1)
        assert len(kinds) < 34
    assert kinds == ["regular", "gold"] * 3, "paused after the third gold task"
    code, reason, remedy = control_tasks.find_block_reason(db, project, who.id)
    assert reason == ("0 of your last 3 gold tasks were correct; 60% is required.")
    assert (code, "admin" in remedy) == ("paused", True)
    labeler_status.unpause_labeler(db, project, who.id, admin, dt.datetime.now(dt.UTC))
    assert claims.claim_assignment(db, project, who, NOW) is not None
    assert {"labeler.pause", "labeler.lift"} <= set(db.scalars(select(AuditEvent.action)))


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


@contextmanager
def statements(db: Session) -> Iterator[list[str]]:
    """What the database is asked, without the values."""
    texts: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        texts.append(" ".join(statement.split()))

    engine = db.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    yield texts
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("feedback", [False, True])
def test_a_gold_task_cannot_be_told_from_a_regular_one(
    db: Session, web: TestClient, monkeypatch: pytest.MonkeyPatch, feedback: bool
) -> None:
    """By its fields, its pages, its addresses, or the work the server does for it: claim, desk, page,
    ratings, and where nothing is told the submission too. Statements are counted, not timed: a time
    says nothing on a busy machine."""
    project = factories.project(db, gold_rate=0.5, gold_feedback=feedback)
    for _ in range(5):
        factories.task(db, solution(db, project))
    solution(db, project, 1)
    control_task_creation.create_control_tasks(db, project, None, "gold", 1)
    who = factories.member(db, project)
    factories.sign_in(web, db, who)
    base = f"/projects/{project.slug}"

    def drawn(kind: str) -> None:
        monkeypatch.setattr(
            control_tasks.secrets, "randbelow", lambda most: 0 if kind == "gold" else most - 1
        )
        db.expire_all()

    def label_next_task(kind: str) -> dict[str, Any]:
        drawn(kind)
        with statements(db) as before_submission:
            claimed = web.post(f"{base}/assignments", headers=JSON)
            number = claimed.json()["assignment"]["id"]
            page, desk = web.get(f"{base}/assignments/{number}"), web.get(f"{base}/desk")
            body = {"events": [{"id": str(uuid4()), "position": at, "rating": 1} for at in range(3)]}
            rated = web.post(f"{base}/assignments/{number}/ratings", json=body, headers=JSON)
        held = db.get(Assignment, number)
        assert db.get(Task, held.task_id).kind == kind
        drawn("regular")
        with statements(db) as during_submission:
            sent = {"finish_reason": "solution", "total_time_ms": 5}
            done = web.post(f"{base}/assignments/{number}/submission", json=sent, headers=JSON)
        assert done.status_code == 200
        seen = {"claim": claimed, "page": page, "desk": desk, "rate": rated}
        following = done.json()["next"]["assignment"]["id"]
        web.post(f"{base}/assignments/{following}/release", headers=JSON)
        return {
            "seen": seen,
            "number": number,
            "before_submission": before_submission,
            "during_submission": during_submission,
            "done": done,
        }

    label_next_task("regular")
    gold = label_next_task("gold")
    label_next_task("regular")  # so that the same lies behind both
    regular = label_next_task("regular")
    assert [bool(visit["done"].json()["feedback"]) for visit in (gold, regular)] == [feedback, False]
    for name, answer in gold["seen"].items():
        other = regular["seen"][name]
        assert set(answer.headers) == set(other.headers)
        assert answer.headers.get("set-cookie") == other.headers.get("set-cookie")
        assert address(answer, gold) == address(other, regular)
        assert neutral(answer) == neutral(other), name
        if not (feedback and name == "desk"):
            for word in ("gold", "known", "kind", "generation", "overlap", "task_id"):
                assert word not in answer.text, (name, word)
    assert shape(gold["seen"]["claim"].json()) == shape(regular["seen"]["claim"].json())
    assert len(gold["before_submission"]) == len(regular["before_submission"]) > 10
    if not feedback:
        assert len(gold["during_submission"]) == len(regular["during_submission"]) > 10
        assert shape(gold["done"].json()) == shape(regular["done"].json())


def address(answer: Any, of: dict[str, Any]) -> str:
    return str(answer.request.url.path).replace(f"/{of['number']}", "/N")


def neutral(answer: Any) -> str:
    """The answer with its numbers, ids and moments put away: what is left is its shape to the byte."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)?", "MOMENT", answer.text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    counted = r'data-(?:done|steps|active|last|last-active|last-steps)="'
    return re.sub(rf'(/assignments/|"id":\s*|{counted})\d+', r"\1N", text)


def test_no_gold_of_a_test_problem_and_none_twice(db: Session) -> None:
    project = factories.project(db)
    hidden = factories.solution(db, factories.problem(db, project, split="test"), STEPS)
    db.add(ExternalLabel(solution_id=hidden.id, source="file:processbench", first_error=0))
    solution(db, project, 1)
    assert control_task_creation.create_control_tasks(db, project, None, "gold", 10) == 1
    with pytest.raises(Invalid):
        control_task_creation.create_control_tasks(db, project, None, "gold", 10)


def test_overlap_goes_to_a_share_of_the_tasks(db: Session) -> None:
    project = factories.project(db, overlap=3, overlap_share=0.1)
    problem = factories.problem(db, project)
    for number in range(400):
        factories.solution(db, problem, (f"step {number}",))
    initial_queue.insert_initial_tasks(db, project)
    drawn = list(db.scalars(select(Task.overlap).where(Task.project_id == project.id)))
    assert set(drawn) == {1, 3}
    assert 15 <= drawn.count(3) <= 70
