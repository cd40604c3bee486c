"""What an admin sees of a project, and of the worker."""

from __future__ import annotations

import datetime as dt

from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.jobs import enqueue
from app.core.run_kinds import KINDS
from app.exchange.models import Import
from app.overview import health, progress
from app.training.models import TrainingRun
from tests.factories import base as factories

NOW = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)


def test_what_to_do_next(web: TestClient, db: Session) -> None:
    project = factories.project(db, "Algebra")
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    assert "Import problems and solutions" in web.get("/projects/algebra").text
    solution = factories.solution(db, factories.problem(db, project), verdict="incorrect")
    factories.solution(db, factories.problem(db, project), steps=("x",), verdict=None)
    assert "No solutions are queued yet" in web.get("/projects/algebra").text
    factories.task(db, solution)
    assert "No labelers yet" in web.get("/projects/algebra").text
    factories.member(db, project, "labeler")
    page = web.get("/projects/algebra").text
    assert "1 incorrect" in page
    assert "1 ungraded" in page
    counts = progress.count_progress(db, project, NOW)
    assert (counts.problems, counts.solutions, counts.waiting, counts.done) == (2, 2, 1, 0)


def test_active_runs_of_every_kind_are_listed(web: TestClient, db: Session, home: object) -> None:
    project = factories.project(db, "Algebra")
    training = TrainingRun(
        project_id=project.id, data={}, config={}, state="running", progress={"phase": "x1"}
    )
    upload = Import(project_id=project.id, filename="a", path="a", format="math", split="train")
    finished = TrainingRun(project_id=project.id, data={}, config={}, state="failed")
    db.add_all([training, upload, finished])
    db.flush()
    child = TrainingRun(project_id=project.id, data={}, config={}, parent_id=upload.id)
    db.add(child)
    db.flush()
    factories.sign_in(web, db, factories.user(db, is_admin=True))
    page = web.get("/projects/algebra").text
    assert f'/training-runs/{training.id}">Training {training.id}</a>: x1' in page
    assert f'/imports/{upload.id}">Import {upload.id}</a>' in page
    assert f'/training-runs/{finished.id}"' not in page
    assert f'/training-runs/{child.id}"' not in page, "a part of another run"
    rows = {row.label: (row.queued, row.running) for row in health.count_active_runs(db)}
    assert rows["Training"] >= (1, 1)
    assert set(rows) == {kind.label for kind in KINDS.values()}
    assert "Comparison" in web.get("/worker").text


def test_a_failed_job_is_tried_again(web: TestClient, db: Session, home: object) -> None:
    boss = factories.user(db, is_admin=True)
    factories.sign_in(web, db, boss)
    job = enqueue(db, "test.nothing", number=1)
    db.execute(text("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = :id"), {"id": job})
    page = web.get("/worker").text
    assert "test.nothing" in page
    assert "No worker is running" in page
    assert web.post(f"/worker/jobs/{job}/retry").status_code == 303
    state = db.scalar(text("SELECT status::text FROM procrastinate_jobs WHERE id = :id"), {"id": job})
    assert state == "todo"
    assert web.post(f"/worker/jobs/{job}/retry").status_code == 409
