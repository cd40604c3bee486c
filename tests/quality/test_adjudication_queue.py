"""What waits for a second look is kept, follows what labelers do, and is walked without counting all."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.db import transaction
from app.labeling import assignments, reopening
from app.labeling.models import Assignment
from app.projects.models import Project
from app.quality import adjudication, adjudication_queue, tasks
from app.quality.models import AdjudicationRecheck
from tests.factories import base as factories
from tests.factories.quality import GOOD_METRICS, NOW, disputed_solution, scored_model


def waits(db: Session, project: Project, **options: Any) -> list[int]:
    return [row.solution_id for row in adjudication.list_candidates(db, project.id, **options)]


def test_it_follows_what_labelers_do(db: Session) -> None:
    project = factories.project(db)
    first, agreed = disputed_solution(db, project), disputed_solution(db, project, (1, 1))
    assert waits(db, project) == [], "nobody has looked yet"
    assert adjudication_queue.refresh_changed(db, project.id)
    assert waits(db, project) == [first.id]
    assert db.scalar(select(AdjudicationRecheck)) is None

    held = db.scalar(select(Assignment).order_by(Assignment.id).limit(1))
    reopening.reopen_submission(db, project, held, NOW)
    assert {row.solution_id for row in db.scalars(select(AdjudicationRecheck))} == {first.id}
    assert adjudication_queue.refresh_changed(db, project.id)
    assert waits(db, project) == [], "one of the two took it back"
    back = assignments.get_own_assignment(db, project, held.id, held.user_id)
    assignments.submit_assignment(db, project, back, "found_error", "", 1000, NOW)
    assert adjudication_queue.refresh_changed(db, project.id)
    assert waits(db, project) == [first.id]
    assert agreed.id not in waits(db, project)


def test_one_follows_another_and_the_first_follows_the_last(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    scored_model(db, project, "sharp", GOOD_METRICS, [0.95, 0.5, 0.5])  # of nothing yet
    first, second = disputed_solution(db, project), disputed_solution(db, project)
    boss = factories.member(db, project, "researcher")
    factories.sign_in(web, db, boss)
    base = f"/projects/{project.slug}/quality"

    def after(previous: Any, why: str = "") -> str:
        answer = web.get(f"{base}/adjudications/next?after={previous.id if previous else 0}{why}")
        assert answer.status_code == 303
        return answer.headers["location"].removeprefix(base)

    assert after(None) == after(second) == f"/solutions/{first.id}"
    assert after(first, "&reason=disagreement") == f"/solutions/{second.id}?reason=disagreement"
    assert after(first, "&reason=flagged") == "/adjudications?reason=flagged"
    sent = {"step-0": "-1", "reason": "The first line is wrong."}
    assert web.post(f"{base}/solutions/{first.id}/adjudication", data=sent).status_code == 303
    assert waits(db, project) == [second.id]
    assert f"next?after={first.id}" in web.get(f"{base}/solutions/{first.id}").text
    third = disputed_solution(db, project)
    assert after(first) == f"/solutions/{second.id}", "from where it stood"
    assert after(second) == f"/solutions/{third.id}"
    assert waits(db, project, most=1) == [second.id]
    assert waits(db, project, after=second.id) == [third.id]
    adjudication.record_decision(db, project, boss, third.id, [-1], "Wrong.")
    assert after(second) == "/adjudications", "nothing but itself"
    assert adjudication.count_candidates(db, project.id) == 1


def test_what_is_too_much_for_a_page_is_the_workers(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adjudication_queue, "MAX_INLINE", 2)
    monkeypatch.setattr(adjudication_queue, "CHUNK", 2)
    with transaction() as db:
        project = factories.project(db)
        ids = [disputed_solution(db, project).id for _ in range(3)]
    with transaction() as db:
        assert not adjudication_queue.refresh_changed(db, project.id), "six submissions, two looked at"
        assert waits(db, project) == ids[:1]
    tasks.refresh_candidates(project.id)
    with transaction() as db:
        assert waits(db, project) == ids
        assert adjudication_queue.refresh_changed(db, project.id)
        disagree = dict(
            db.execute(text("SELECT solution_id, model_disagreement FROM adjudication_candidate")).all()
        )
        assert not any(disagree.values())
        scored_model(db, project, "sharp", GOOD_METRICS, [0.95, 0.5, 0.5])
    with transaction() as db:
        assert not adjudication_queue.refresh_changed(db, project.id), (
            "another model's word counts for all of them"
        )
    tasks.refresh_candidates(project.id)
    with transaction() as db:
        assert adjudication_queue.refresh_changed(db, project.id)
        assert waits(db, project, reason="model_disagreement") == ids
        assert waits(db, project, reason="model_disagreement", after=ids[0]) == ids[1:]


def test_a_page_does_not_wait_for_another_that_looks(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        solution_id = disputed_solution(db, project).id
        boss = factories.member(db, project, "researcher").id
    with transaction() as first, transaction() as second:
        assert adjudication_queue.refresh_changed(first, project.id)
        assert not adjudication_queue.refresh_changed(second, project.id)
        assert waits(second, project) == []
    with transaction() as db:
        assert waits(db, project) == [solution_id]
        actor = db.get_one(User, boss)
        decided = adjudication.record_decision(
            db, project, actor, solution_id, [1, 1, 1], "All of it is right."
        )
        assert decided.queue_reasons == {"disagreement": True, "flagged": False, "model_disagreement": False}
    with transaction() as db:
        assert adjudication_queue.refresh_changed(db, project.id)
        assert waits(db, project) == []
