"""Agreement is counted by the worker and kept: pages show it with its time, ask for it, never wait."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import worker
from app.core import jobs
from app.core.db import transaction
from app.labeling import claims
from app.projects.models import Project
from app.quality import agreement_job, agreement_metrics, agreement_report
from app.quality.models import AgreementReport, AgreementValue
from tests.factories import base as factories
from tests.factories.quality import NOW, label_solution, solution

FEW = 12
MANY = """
    WITH p AS (
        INSERT INTO problem (project_id, external_id, statement, statement_hash)
        VALUES (:project, 'many', 'What?', decode(repeat('00', 32), 'hex')) RETURNING id
    ), s AS (
        INSERT INTO solution (project_id, problem_id, external_id, steps, digest)
        SELECT :project, p.id, 'many-' || n, ARRAY['one', 'two', 'three'],
            decode(lpad(to_hex(n), 64, '0'), 'hex')
        FROM p, generate_series(1, :count) n RETURNING id, substr(external_id, 6)::int AS n
    ), t AS (
        INSERT INTO task (project_id, solution_id, generation, overlap, assigned_count, reason)
        SELECT :project, id, n % 2, 3, 2, '{}' FROM s RETURNING id, solution_id
    ), a AS (
        INSERT INTO assignment (project_id, task_id, user_id, state, submitted_at, finish_reason)
        SELECT :project, t.id, who, 'submitted', :now,
            CASE WHEN who <> :stray OR s.n % 11 > 0 THEN 'solution' ELSE 'found_error' END
        FROM t JOIN s ON s.id = t.solution_id, unnest(CAST(:people AS bigint[])) who
        WHERE who <> :rare OR s.n <= 20
        RETURNING id, finish_reason
    )
    INSERT INTO step_label (assignment_id, position, ratings, flags)
    SELECT a.id, at, ARRAY[CASE WHEN a.finish_reason = 'solution' THEN at % 2 ELSE at - 1 END]::smallint[],
        ARRAY[NULL]::boolean[]
    FROM a, generate_series(0, 2) at WHERE a.finish_reason = 'solution' OR at = 0
"""
"""Ann and Bo judge all; Bo calls the first step of every 11th bad. Cy judges the first twenty."""


def people(db: Session, project: Project) -> list[int]:
    users = [factories.user(db, name=name) for name in ("Ann", "Bo", "Cy")]
    return [factories.member(db, project, "labeler", user).id for user in users]


def compute(project: Project) -> None:
    with transaction() as db:
        run_id = db.scalars(select(AgreementReport.id).where(AgreementReport.project_id == project.id)).one()
    agreement_job.run(agreement_report.KIND, run_id)


def test_every_solution_counts_for_project_generation_labeler_and_pair(database: str) -> None:
    count = 1_100  # more than agreement.MOST
    with transaction() as db:
        project = factories.project(db)
        ann, bo, cy = people(db, project)
        params = {"project": project.id, "count": count, "now": NOW, "people": [ann, bo, cy]}
        db.execute(text(MANY), {**params, "stray": bo, "rare": cy})
        agreement_report.request_report(db, project.id, NOW)
    worker.declare()
    assert "runs.agreement" in worker.queue.tasks
    compute(project)

    judged = []
    for n in range(1, count + 1):
        ratings = {ann: [0, 1, 0], bo: [-1] if n % 11 == 0 else [0, 1, 0]}
        judged.append(ratings | ({cy: [0, 1, 0]} if n <= 20 else {}))
    with transaction() as db:
        report = agreement_report.get_report(db, project.id, NOW)
        assert (report.state, report.changed) == ("succeeded", 0)
        assert report.alpha == agreement_metrics.krippendorff_alpha(judged)
        assert report.alpha.solutions == count, "all of them: there is no cap"
        assert report.first_error == agreement_metrics.first_error_agreement(judged)
        assert [number for number, *_ in report.generations] == [0, 1]
        odd = agreement_metrics.krippendorff_alpha(judged[::2])
        assert report.generations[1][1].value == pytest.approx(odd.value)
        of_cy = agreement_report.get_report(db, project.id, NOW, cy)
        assert of_cy.alpha.solutions == 20
        assert of_cy.first_error.value == pytest.approx(
            agreement_metrics.first_error_agreement(judged[:20]).value
        )
        by_pair = {(first, other): figure for first, other, figure in of_cy.pairs}
        assert set(by_pair) == {(ann, cy), (bo, cy)}
        assert by_pair[bo, cy].value == pytest.approx(
            agreement_metrics.weighted_kappa(judged[:20], bo, cy).value
        )
        value = agreement_report.get_value(db, project.id, "labeler", None, cy, None)
        shared = agreement_report.list_shared_solutions(db, project.id, value)
        assert (value.solutions, len(shared)) == (20, 20)


def test_a_worker_that_ends_hands_it_on_and_a_failure_is_said(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as db:
        project = factories.project(db)
        ann, bo, cy = people(db, project)
        params = {"project": project.id, "count": FEW, "now": NOW, "people": [ann, bo, cy]}
        db.execute(text(MANY), {**params, "stray": bo, "rare": cy})
        agreement_report.request_report(db, project.id, NOW)
    compute(project)
    with transaction() as db:
        first = agreement_report.get_report(db, project.id, NOW)
        db.execute(text("UPDATE agreement_value SET value = 7"))
        agreement_report.request_report(db, project.id, NOW)
    compute(project)  # it may run twice: the second replaces, and doubles nothing
    with transaction() as db:
        again = agreement_report.get_report(db, project.id, NOW)
        assert (again.alpha, again.first_error, again.generations) == (
            first.alpha, first.first_error, first.generations,
        )  # fmt: skip
        db.execute(text("DELETE FROM agreement_value"))
        agreement_report.request_report(db, project.id, NOW)
    todo = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'runs.agreement' AND status = 'todo'"
    with transaction() as db:
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))  # this one is taken
    ending = threading.Event()
    ending.set()
    with monkeypatch.context() as patch:
        patch.setattr(agreement_job, "stop_requested", ending)
        compute(project)
    with transaction() as db:
        assert db.scalar(text(todo)) == 1
        assert db.scalars(select(AgreementValue)).all() == []
        db.execute(text("ALTER VIEW solution_step_label RENAME TO away"))
    assert not jobs.stop_requested.is_set()
    compute(project)
    with transaction() as db:
        row = agreement_report.find_report(db, project.id)
        assert row
        assert "solution_step_label" in (row.error or "")
        assert agreement_report.get_report(db, project.id, NOW).state == "failed"
        later = NOW + dt.timedelta(hours=1)
        assert agreement_report.get_report(db, project.id, later).state == "failed", "not tried again unasked"


def test_how_far_it_is() -> None:
    reports: list[tuple[str, int, int]] = []
    collected: agreement_job.Collected = {
        agreement_job.Scope("labeler", None, at): agreement_job.Tables(
            {"alpha": agreement_metrics.Batches([{(1, 1): 2.0, (1, -1): 1.0, (-1, 1): 1.0}])}
        )
        for at in range(3)
    }
    list(agreement_job.compute_figures(1, collected, lambda *how: reports.append(how)))
    assert reports == [("resampling", 0, 3), ("resampling", 1, 3), ("resampling", 2, 3)]


def test_a_page_shows_what_is_kept_and_asks_when_it_is_old(db: Session, web: TestClient) -> None:
    project = factories.project(db, overlap=2)
    admin = factories.member(db, project, "admin")
    factories.sign_in(web, db, admin)
    base = f"/projects/{project.slug}/quality"
    jobs_of = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'runs.agreement'"
    assert "No submissions yet" in web.get(base).text
    assert "Agreement needs two submissions on the same solution" in web.get(f"{base}/agreement").text
    assert db.scalar(text(jobs_of)) == 0, "there is nothing to count"
    for number in range(3):
        factories.task(db, solution(db, project), overlap=2)
        for who in (admin, factories.member(db, project)):
            label_solution(db, project, claims.claim_assignment(db, project, who, NOW), number % 2 - 1)
    first = web.get(base)
    assert "Queued." in first.text
    assert 'hx-trigger="every 1s"' in first.text
    assert "HX-Refresh" not in web.get(f"{base}/agreement").headers
    web.get(f"{base}/labelers/{admin.id}")
    assert db.scalar(text(jobs_of)) == 1, "asked once"

    row = agreement_report.find_report(db, project.id)
    assert row
    row.state, row.progress = "running", {"phase": "reading", "done": 1, "total": 1234}
    db.flush()
    assert "Computing… Read 1 of 1,234 shared solutions." in web.get(f"{base}/agreement").text
    basis = db.execute(agreement_job.SELECT_BASIS, {"project": project.id}).one()
    assert basis.submissions == 6
    row.state, row.computed_at, row.submissions, row.last_submission_at = (
        "succeeded",
        row.requested_at,
        6,
        basis.last_submission_at,
    )
    value = AgreementValue(
        project_id=project.id, scope="project", measure="alpha", value=0.625, low=0.5, high=0.75,
        pairs=9, solutions=3, newest_solution_ids=[],
    )  # fmt: skip
    db.add(value)
    db.flush()
    page = web.get(f"{base}/agreement")
    assert page.headers["HX-Refresh"] == "true"
    assert "0.62" in page.text
    assert "0.50 to 0.75" in page.text
    assert "changed since" not in page.text
    assert web.get(f"{base}/agreement/solutions").status_code == 200
    assert web.get(f"{base}/agreement/solutions?generation=3").status_code == 404

    who = factories.member(db, project)
    label_solution(db, project, claims.claim_assignment(db, project, who, NOW) or again(db, project, who), -1)
    just_now = row.requested_at + dt.timedelta(seconds=30)
    fresh = agreement_report.get_report(db, project.id, just_now)
    assert (fresh.state, fresh.changed, fresh.alpha.value) == ("succeeded", 1, 0.625), "not twice a minute"
    later = agreement_report.get_report(db, project.id, just_now + dt.timedelta(minutes=2))
    assert (later.state, later.alpha.value) == ("queued", 0.625), "what was counted stays to be seen"


def again(db: Session, project: Project, who: object) -> object:
    factories.task(db, solution(db, project))
    return claims.claim_assignment(db, project, who, NOW)


def test_it_is_counted_when_asked(db: Session, web: TestClient) -> None:
    project = factories.project(db)
    admin = factories.member(db, project, "admin")
    factories.sign_in(web, db, admin)
    base = f"/projects/{project.slug}/quality"
    done = web.post(f"{base}/agreement?labeler={admin.id}")
    assert (done.status_code, done.headers["location"]) == (303, f"{base}/labelers/{admin.id}")
    assert db.scalars(select(AgreementReport.state)).one() == "queued"
