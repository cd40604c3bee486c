"""Where nothing waits, the answer says why: by the state the labeler and the project are in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.labeling import claims
from app.labeling.models import LabelerStatus
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories.quality import (
    JSON,
    NOW,
    expected_first_error,
    label_solution,
    screened_project,
    solution,
)


def get_no_task(db: Session, web: TestClient, project: Project, who: Any) -> Any:
    factories.sign_in(web, db, who)
    answer = web.post(f"/projects/{project.slug}/assignments", headers=JSON)
    assert answer.status_code == 200
    no_task = answer.json()["no_task"]
    assert no_task["message"]
    assert no_task["action"]
    return no_task


def test_an_empty_project_then_all_done_then_only_ones_own(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    ann, bo = factories.member(db, project), factories.member(db, project)
    assert get_no_task(db, web, project, ann)["code"] == "queue_empty"
    factories.task(db, solution(db, project), overlap=2)
    label_solution(db, project, claims.claim_assignment(db, project, ann, NOW), -1)
    no_task = get_no_task(db, web, project, ann)
    assert (no_task["code"], no_task["blocked"]) == ("none_left_for_you", False)
    held = claims.claim_assignment(db, project, bo, dt.datetime.now(dt.UTC))
    no_task = get_no_task(db, web, project, ann)
    assert no_task["code"] == "none_left"
    assert "1 is in progress" in no_task["message"]
    label_solution(db, project, held, -1)
    assert "in progress and may" not in get_no_task(db, web, project, ann)["message"]


def test_after_the_screening(db: Session, web: TestClient) -> None:
    project = screened_project(db, overlap=1)
    who, other = factories.member(db, project), factories.member(db, project)
    project.screening_threshold = 0
    for _ in range(3):  # the regular ones are taken
        label_solution(db, project, claims.claim_assignment(db, project, other, NOW), -1)
    project.screening_threshold = 0.5
    for _ in range(4):
        held = claims.claim_assignment(db, project, who, NOW)
        label_solution(db, project, held, expected_first_error(db, held))
    no_task = get_no_task(db, web, project, who)
    assert (no_task["code"], no_task["title"]) == ("screened", "You passed the screening")
    db.get(LabelerStatus, (project.id, who.id)).screening_result = None
    db.flush()
    assert get_no_task(db, web, project, who)["code"] == "screening"
    db.get(LabelerStatus, (project.id, who.id)).screening_result = "failed"
    db.get(LabelerStatus, (project.id, who.id)).screening_score = 0.25
    db.flush()
    no_task = get_no_task(db, web, project, who)
    assert (no_task["code"], no_task["blocked"]) == ("screening_failed", True)
    assert "25%" in no_task["message"]


def test_a_submission_that_pauses_says_so_in_its_answer(db: Session, web: TestClient) -> None:
    project = factories.project(db, gold_rate=0.5, gold_threshold=0.6, gold_window=1)
    who = factories.member(db, project)
    factories.task(db, solution(db, project))
    db.add(LabelerStatus(project_id=project.id, user_id=who.id, paused_at=NOW, pause_reason="Too fast."))
    db.flush()
    no_task = get_no_task(db, web, project, who)
    assert (no_task["code"], no_task["blocked"], no_task["message"]) == ("paused", True, "Too fast.")
    page = web.get(f"/projects/{project.slug}/desk").text
    assert no_task["title"] in page
    assert no_task["action"] in page
