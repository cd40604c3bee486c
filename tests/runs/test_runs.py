"""The life of a run, and the pages and the API that all kinds share."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import run_lifecycle
from app.core.db import session_factory, transaction
from app.core.errors import Busy, Conflict
from app.core.run_models import Run, RunEvent
from app.core.run_recovery import recover_stale_runs
from app.main import create_app
from app.projects.models import Project
from app.runs import actions
from app.training.models import Snapshot, TrainingRun
from tests.factories import base as factories


def training(db: Session, project: Project, **fields: object) -> TrainingRun:
    snapshot = Snapshot(project_id=project.id, hash=b"0" * 32, definition={}, counts={})
    db.add(snapshot)
    db.flush()
    run = TrainingRun(project_id=project.id, snapshot_id=snapshot.id, config={"size": "tiny"}, **fields)
    return run_lifecycle.create_run(db, run)


def history(db: Session, run: Run) -> list[tuple[str | None, str]]:
    query = select(RunEvent.from_state, RunEvent.to_state).where(RunEvent.run_id == run.id)
    return [(before, after) for before, after in db.execute(query.order_by(RunEvent.id))]


def start(db: Session, run: Run) -> int:
    attempt = run_lifecycle.start_attempt(db, run.id, TrainingRun)
    assert attempt is not None
    return attempt.fence


def test_every_transition_leaves_an_event(db: Session) -> None:
    run = training(db, factories.project(db))
    fence = start(db, run)
    run_lifecycle.record_failure(db, run.id, fence, "the first death")
    assert run_lifecycle.record_success(db, run.id, start(db, run))
    assert history(db, run) == [
        (None, "queued"),
        ("queued", "running"),
        ("running", "queued"),
        ("queued", "running"),
        ("running", "succeeded"),
    ]
    reasons = db.scalars(select(RunEvent.reason).where(RunEvent.run_id == run.id).order_by(RunEvent.id))
    assert list(reasons)[2] == "the first death"


def test_a_replaced_attempt_changes_nothing(db: Session) -> None:
    run = training(db, factories.project(db))
    old = start(db, run)
    run_lifecycle.record_failure(db, run.id, old, "gone")
    new = start(db, run)
    assert new == old + 1
    assert not run_lifecycle.record_success(db, run.id, old)
    assert run_lifecycle.record_failure(db, run.id, old, "too late") is None
    assert run_lifecycle.record_heartbeat(db, run.id, old) == "overtaken"
    assert run_lifecycle.record_heartbeat(db, run.id, new) is None
    assert run_lifecycle.lock_attempt(db, run.id, new, TrainingRun) is not None


def test_a_stop_by_the_system_is_no_failed_attempt(db: Session) -> None:
    run = training(db, factories.project(db))
    for _ in range(5):
        run_lifecycle.requeue(db, run.id, start(db, run))
    assert (run.state, run.attempt, run.fence) == ("queued", 0, 5)
    for _ in range(3):
        run_lifecycle.record_failure(db, run.id, start(db, run), "died")
    assert (run.state, run.attempt) == ("failed", 3)


def test_only_what_can_follow_follows(db: Session) -> None:
    run = training(db, factories.project(db))
    with pytest.raises(Conflict, match="nothing to resume"):
        run_lifecycle.resume_run(db, run, None)
    run_lifecycle.cancel_run(db, run, None)
    assert run_lifecycle.start_attempt(db, run.id, TrainingRun) is None
    with pytest.raises(Conflict, match="nothing to cancel"):
        run_lifecycle.cancel_run(db, run, None)
    run_lifecycle.resume_run(db, run, None)
    assert (run.state, run.attempt, run.cancel_requested_at) == ("queued", 0, None)


def test_the_sweep_finds_silent_runs_and_queued_ones_without_a_job(db: Session) -> None:
    project = factories.project(db)
    silent, alive, forgotten = training(db, project), training(db, project), training(db, project)
    start(db, silent)
    start(db, alive)
    db.execute(text("DELETE FROM procrastinate_jobs"))
    lost = "UPDATE run SET heartbeat_at = now() - interval '5 minutes' WHERE id = :id"
    db.execute(text(lost), {"id": silent.id})
    db.execute(text("UPDATE run SET created_at = now() - interval '2 minutes'"))
    assert recover_stale_runs(db) == [silent.id]
    db.refresh(silent)
    assert (silent.state, silent.error) == ("queued", "The training process is gone.")
    jobs = db.scalars(text("SELECT (args->>'run_id')::bigint FROM procrastinate_jobs")).all()
    assert sorted(jobs) == sorted([silent.id, forgotten.id])


def test_the_list_the_page_and_the_api(db: Session, web: TestClient) -> None:
    project = factories.project(db, "Runs")
    person = factories.member(db, project, "researcher")
    factories.sign_in(web, db, person)
    run = training(db, project, created_by=person.id)
    other = training(db, factories.project(db, "Other"))
    pages, api = f"/projects/{project.slug}/runs", f"/api/v1/projects/{project.slug}/runs"

    page = web.get(pages).text
    assert f"Training {run.id}" in page
    assert f"Training {other.id}" not in page
    assert "waiting for a worker" in page
    assert f"Training {run.id}" not in web.get(f"{pages}?state=failed").text
    assert web.get(f"{pages}/{other.id}").status_code == 404

    (item,) = web.get(api).json()["runs"]
    assert (item["id"], item["kind"], item["state"]) == (run.id, "training", "queued")
    assert web.get(api, params={"kind": "training", "state": "failed"}).json()["runs"] == []
    assert web.get(f"{api}/{other.id}").status_code == 404
    cancelled = web.post(f"{api}/{run.id}/cancellation").json()
    assert cancelled["state"] == "cancelled"
    assert cancelled["events"][-1] | {"created_at": ""} == {
        "created_at": "", "user_id": person.id, "from_state": "queued", "to_state": "cancelled",
        "attempt": 0, "reason": "",
    }  # fmt: skip
    assert web.post(f"{api}/{run.id}/cancellation").status_code == 409

    detail = web.get(f"{pages}/{run.id}").text
    assert "Resume" in detail
    assert web.post(f"{pages}/{run.id}/resumption").status_code == 303
    assert web.get(f"{api}/{run.id}").json()["state"] == "queued"
    assert web.get(f"{pages}/{run.id}/progress").status_code == 200


def test_a_locked_run_is_refused_within_seconds_and_works_once_it_is_free(database: str) -> None:
    """A process that was stopped holds the row of its run for as long as it is stopped."""
    with transaction() as db:
        run = training(db, factories.project(db))
    with session_factory()() as process, session_factory()() as db:
        run_lifecycle.lock_run(process, run.id, TrainingRun)
        for act in (actions.cancel_run, actions.resume_run):
            started = time.monotonic()
            with pytest.raises(Busy, match="does not answer") as refusal:
                act(db, db.get_one(TrainingRun, run.id), None)
            assert time.monotonic() - started < 10
            assert "Try again" in refusal.value.remedy
        assert db.scalar(text("SHOW lock_timeout")) == "0"
        process.rollback()
        assert actions.cancel_run(db, db.get_one(TrainingRun, run.id), None).state == "cancelled"
        assert db.scalar(text("SHOW lock_timeout")) == "0"
        db.commit()
    with transaction() as db:
        assert history(db, run) == [(None, "queued"), ("queued", "cancelled")]


def test_a_locked_run_has_a_page_that_says_so(database: str) -> None:
    with transaction() as db:
        project = factories.project(db, "Runs")
        person = factories.member(db, project, "researcher")
        run = training(db, project, created_by=person.id)
    with (
        TestClient(
            create_app(), base_url="http://testserver", headers={"Sec-Fetch-Site": "same-origin"}
        ) as client,
        session_factory()() as process,
    ):
        with transaction() as db:
            factories.sign_in(client, db, person)
        run_lifecycle.lock_run(process, run.id, TrainingRun)
        address = f"/projects/{project.slug}/runs/{run.id}/cancellation"
        page = client.post(address)
        assert page.status_code == 409
        assert "Try again in a few seconds" in page.text
        reply = client.post(f"/api/v1{address}")
        assert (reply.status_code, reply.json()["error"]) == (409, "busy")
        process.rollback()
        assert client.post(f"/api/v1{address}").json()["state"] == "cancelled"
