"""Whose verdict counts, and grading again as a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Conflict
from app.core.run_lifecycle import record_success, start_attempt
from app.problems.grading import grade_waiting
from app.problems.grading_job import run as run_grading
from app.problems.grading_runs import KIND, count_outdated, start_grading
from app.problems.models import GradingRun, Solution, Verdict
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories.exchange import import_file

PROBLEM = {"kind": "problem", "id": "p", "statement": "What is 6 * 9?", "answer": "54"}
ANSWERS = (
    ("a", "54", "incorrect"),
    ("b", "42", "correct"),
    ("c", "54", "correct"),
    ("d", "?!", "unparseable"),
)


def bring_answers(path: Path) -> int:
    rows = [PROBLEM]
    rows += [
        {
            "kind": "solution",
            "id": name,
            "problem": "p",
            "steps": ["So."],
            "answer": answer,
            "verdict": verdict,
        }
        for name, answer, verdict in ANSWERS
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    project_id = import_file(path).project_id
    grade_waiting(project_id)
    return project_id


def read_verdicts(db: Session) -> dict[str, str | None]:
    return {solution.external_id: solution.verdict for solution in db.scalars(select(Solution))}


def regrade(project_id: int, source: str | None = None) -> dict[str, object]:
    with transaction() as db:
        run_id = start_grading(db, db.get_one(Project, project_id), None, source).id
    run_grading(KIND, run_id)
    with transaction() as db:
        results = db.get_one(GradingRun, run_id).results
    assert results is not None
    return results


@pytest.mark.usefixtures("database")
def test_the_file_decides_where_the_project_says_so_and_the_run_counts_the_changes(tmp_path: Path) -> None:
    project_id = bring_answers(tmp_path / "rows.jsonl")
    with transaction() as db:
        by_grader = read_verdicts(db)
    assert by_grader == {"a": "correct", "b": "incorrect", "c": "correct", "d": by_grader["d"]}
    results = regrade(project_id, "file")
    assert results["changes"] == {"correct to incorrect": 1, "incorrect to correct": 1}
    assert (results["graded"], results["changed"]) == (4, 2)
    with transaction() as db:
        assert read_verdicts(db) == {**by_grader, "a": "incorrect", "b": "correct"}
        assert db.get_one(Project, project_id).verdict_source == "file"
    assert regrade(project_id, "grader")["changed"] == 2
    with transaction() as db:
        assert read_verdicts(db) == by_grader


@pytest.mark.usefixtures("database")
def test_verdicts_of_an_earlier_grader_are_computed_again(tmp_path: Path) -> None:
    project_id = bring_answers(tmp_path / "rows.jsonl")
    with transaction() as db:
        old = {"verdict": "incorrect", "version": "stepmark 0"}
        db.execute(update(Verdict).where(Verdict.source == "grader").values(**old))
        db.execute(update(Solution).values(verdict="incorrect"))
        assert count_outdated(db, project_id) == 4
    results = regrade(project_id)
    assert results["changes"]["incorrect to correct"] == 2  # type: ignore[index]
    with transaction() as db:
        assert count_outdated(db, project_id) == 0


def test_it_starts_by_page_and_api_once_at_a_time(web: TestClient, db: Session) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    assert "Save and grade again" in web.get(f"/projects/{project.slug}/problems").text
    sent = web.post(f"/projects/{project.slug}/problems/grading", data={"verdict_source": "file"})
    assert sent.status_code == 303
    assert web.get(sent.headers["location"]).status_code == 200
    db.refresh(project)
    assert project.verdict_source == "file"
    busy = web.post(f"/api/v1/projects/{project.slug}/gradings", json={})
    assert (busy.status_code, "already" in busy.text) == (409, True)
    run_id = int(sent.headers["location"].rpartition("/")[2])
    run = start_attempt(db, run_id, GradingRun)
    assert run is not None
    assert record_success(db, run.id, run.fence, {"graded": 0})
    started = web.post(f"/api/v1/projects/{project.slug}/gradings", json={"verdict_source": "grader"})
    assert (started.status_code, started.json()["verdict_source"]) == (202, "grader")
    with pytest.raises(Conflict):
        start_grading(db, project, None)


def test_the_command_prints_what_changed(database: str, tmp_path: Path) -> None:
    bring_answers(tmp_path / "rows.jsonl")
    with transaction() as db:
        name = db.scalars(select(Project.name)).one()
    result = CliRunner().invoke(cli, ["regrade", "--project", name, "--source", "file"])
    assert "4 solutions graded, 2 verdicts changed" in result.output
    assert "incorrect to correct: 1" in result.output
