"""A labeling mode registered at run time works from the project form to the exported row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.exchange.exports.prm800k_rows import FORMAT, Prm800kParameters
from app.modes import MODES
from app.modes.labeling_state import AlternativeStep, LabelingState
from app.projects.models import Project
from tests.factories import base as factories


class LastStepState(LabelingState):
    """Only the last step can be rated, and it has to be."""

    @property
    def frontier(self) -> int:
        return self.step_count - (self.step_count - 1 not in self.ratings)

    def is_reached(self, position: int, candidate: int = 0) -> bool:
        return position == self.step_count - 1 and candidate == 0


class LastStep:
    id = "last_step"
    label = "Last step"
    description = "Rate the last step only."
    guide = "Rate the last step, then submit."
    alternatives_at: str | None = None
    is_branching = False
    in_order = False
    phase = 2

    def new_state(self, step_count: int, alternatives: Sequence[AlternativeStep]) -> LabelingState:
        return LastStepState(step_count, alternatives=alternatives, in_order=self.in_order)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODES, LastStep.id, LastStep())


@pytest.fixture
def project(web: TestClient, db: Session) -> Project:
    """Created by the form, with one task of three steps."""
    admin = factories.user(db, is_admin=True)
    factories.sign_in(web, db, admin)
    assert "Rate the last step only." in web.get("/projects").text
    created = web.post("/projects", data={"name": "Finals", "mode": "last_step"})
    assert created.headers["location"] == "/projects/finals"
    project = db.query(Project).filter_by(slug="finals").one()
    solution = factories.solution(
        db, factories.problem(db, project), ("2 + 2 = 4", "4 + 1 = 6", "# Answer\n\n6")
    )
    factories.task(db, solution)
    return project


def test_a_new_mode_from_the_form_to_the_export(web: TestClient, db: Session, project: Project) -> None:
    factories.sign_in(web, db, factories.member(db, project))
    base = f"/projects/{project.slug}"
    payload = web.post(f"{base}/assignments", headers={"Accept": "application/json"}).json()
    assert payload["task"]["mode"] == "last_step"
    assignment = f"{base}/assignments/{payload['assignment']['id']}"

    def rate(position: int) -> int:
        event = {"id": str(uuid4()), "position": position, "rating": -1}
        return web.post(f"{assignment}/ratings", json={"events": [event]}).status_code

    assert web.post(f"{assignment}/submission", json={"finish_reason": "found_error"}).status_code == 422
    assert rate(1) == 409, "the mode's own rule decides"
    assert rate(2) == 200
    assert web.post(f"{assignment}/submission", json={"finish_reason": "found_error"}).status_code == 200
    db.flush()
    [line] = b"".join(FORMAT.rows(db, project.id, Prm800kParameters())).splitlines()
    label = json.loads(line)["label"]
    assert label["finish_reason"] == "found_error"
    assert [completion["rating"] for step in label["steps"] for completion in step["completions"]] == [-1]


def test_an_unknown_mode_is_refused(web: TestClient, db: Session) -> None:
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    answer = web.post("/projects", data={"name": "Finals", "mode": "first_step"})
    assert answer.status_code == 422
    assert "last_step" in answer.text, "the error lists the modes, the new one among them"
