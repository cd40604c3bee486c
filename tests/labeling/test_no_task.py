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


def said(db: Session, web: TestClient, project: Project, who: Any) -> Any:
    factories.sign_in(web, db, who)
    answer = web.post(f"/projects/{project.slug}/assignments", headers=JSON)
    assert answer.status_code == 200
    found = answer.json()["no_task"]
    assert found["message"]
    assert found["action"]
    return found


def test_an_empty_project_then_all_done_then_only_ones_own(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    ann, bo = factories.member(db, project), factories.member(db, project)
    assert said(db, web, project, ann)["code"] == "queue_empty"
    factories.task(db, solution(db, project), overlap=2)
    label_solution(db, project, claims.claim_assignment(db, project, ann, NOW), -1)
    found = said(db, web, project, ann)
    assert (found["code"], found["blocked"]) == ("none_left_for_you", False)
    held = claims.claim_assignment(db, project, bo, dt.datetime.now(dt.UTC))
    found = said(db, web, project, ann)
    assert found["code"] == "none_left"
    assert "1 is in progress" in found["message"]
    label_solution(db, project, held, -1)
    assert "in progress and may" not in said(db, web, project, ann)["message"]


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
    found = said(db, web, project, who)
    assert (found["code"], found["title"]) == ("screened", "You passed the screening")
    db.get(LabelerStatus, (project.id, who.id)).screening_result = None
    db.flush()
    assert said(db, web, project, who)["code"] == "screening"
    db.get(LabelerStatus, (project.id, who.id)).screening_result = "failed"
    db.get(LabelerStatus, (project.id, who.id)).screening_score = 0.25
    db.flush()
    found = said(db, web, project, who)
    assert (found["code"], found["blocked"]) == ("screening_failed", True)
    assert "25%" in found["message"]


def test_a_submission_that_pauses_says_so_in_its_answer(db: Session, web: TestClient) -> None:
    project = factories.project(db, gold_rate=0.5, gold_threshold=0.6, gold_window=1)
    who = factories.member(db, project)
    factories.task(db, solution(db, project))
    db.add(LabelerStatus(project_id=project.id, user_id=who.id, paused_at=NOW, pause_reason="Too fast."))
    db.flush()
    found = said(db, web, project, who)
    assert (found["code"], found["blocked"], found["message"]) == ("paused", True, "Too fast.")
    page = web.get(f"/projects/{project.slug}/desk").text
    assert found["title"] in page
    assert found["action"] in page
