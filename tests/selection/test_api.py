"""Rounds and generations over JSON."""

from __future__ import annotations

import pytest

from app.selection.models import STAGES
from tests.factories import base as factories
from tests.factories import selection as loop


@pytest.fixture
def project(db, web):
    project = factories.project(db, "Api test")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    problem = factories.problem(db, project)
    first = factories.solution(db, problem, verdict="incorrect")
    second = factories.solution(db, problem, ("Another.", "# Answer\n\n5"), verdict="incorrect")
    loop.labeled(db, factories.task(db, first), factories.member(db, project), [1, -1])
    model = loop.model(db, project)
    loop.score(db, model, second, 0.8)
    return project


BASE = "/api/v1/projects/api-test"


def test_a_preview_changes_nothing(web, project):
    preview = web.post(f"{BASE}/rounds/preview", json={"policy": {"size": 3}}).json()

    assert preview["labels"] == {"solutions": 1, "steps": 2, "positive": 1, "neutral": 0, "negative": 1}
    assert preview["would_queue"] == 1
    assert preview["first"][0]["strategy"] == "convincing_wrong"
    assert preview["first"][0]["score"] == pytest.approx(0.8)
    assert web.get(f"{BASE}/rounds").json() == {"rounds": [], "next_cursor": None}


def test_start_look_cancel_resume(web, project):
    started = web.post(f"{BASE}/rounds", json={"policy": {"size": 3}})
    assert started.status_code == 201, started.text
    round_ = started.json()
    assert round_["state"] == "queued"
    assert [stage["name"] for stage in round_["stages"]] == list(STAGES)
    assert round_["config"]["policy"]["size"] == 3

    second = web.post(f"{BASE}/rounds", json={})
    assert second.status_code == 409
    assert second.json()["round_id"] == round_["id"]

    address = f"{BASE}/rounds/{round_['id']}"
    assert web.get(address).json()["stage"] == "snapshot"
    assert web.post(f"{address}/resumption").status_code == 409
    assert web.post(f"{address}/cancellation").json()["state"] == "cancelled"
    assert web.post(f"{address}/cancellation").status_code == 409
    assert web.post(f"{address}/resumption").json()["state"] == "queued"


def test_a_config_that_is_wrong_names_what(web, project):
    refused = web.post(f"{BASE}/rounds", json={"train": {"epoch": 3}})

    assert refused.status_code == 422
    assert "unknown option 'train.epoch'" in refused.json()["message"]


def test_generations_with_their_labels(web, project):
    (only,) = web.get(f"{BASE}/generations").json()["generations"]

    assert only["number"] == 0
    assert (only["tasks"], only["labeled"], only["found_error"]) == (1, 1, 1)
    assert (only["positive"], only["neutral"], only["negative"]) == (1, 0, 1)
    assert only["minutes"] == pytest.approx(0.5)


def test_a_labeler_may_not(web, db, project):
    factories.sign_in(web, db, factories.member(db, project, "labeler"))

    assert web.get(f"{BASE}/rounds").status_code == 403
    assert web.post(f"{BASE}/rounds", json={}).status_code == 403
    assert web.post(f"{BASE}/rounds/preview", json={}).status_code == 403
