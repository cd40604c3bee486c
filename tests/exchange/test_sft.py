"""Right solutions as fine-tuning data: by the grader or by people, a step a line, none that must not be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.parameters import validate_parameters
from app.evaluation.models import EvaluationItem, EvaluationSet
from app.exchange.exports.sft import FORMAT, SftParameters
from app.projects.models import Project
from app.quality.models import Adjudication
from tests.factories import base as factories
from tests.factories import selection as loop


@pytest.fixture
def project(db: Session) -> Project:
    return factories.project(db)


def load_lines(db: Session, project: Project, **values: Any) -> list[dict[str, Any]]:
    chosen = SftParameters(**values)
    lines = [json.loads(line) for line in FORMAT.rows(db, project.id, chosen)]
    assert FORMAT.count(db, project.id, chosen) == len(lines)
    return lines


def test_the_answer_is_right_and_a_step_is_a_line(db: Session, project: Project) -> None:
    problem = factories.problem(db, project, "What is 2 + 2?")
    factories.solution(db, problem, ("We\n  add", "# Answer\n\n4"), generator="g", external_id="one")
    factories.solution(db, problem, ("We\n  add", "# Answer\n\n4"))
    factories.solution(db, problem, ("no",), verdict="incorrect")
    factories.solution(db, problem, ("who knows",), verdict=None)
    assert load_lines(db, project) == [
        {
            "prompt": "Problem:\nWhat is 2 + 2?\n\nSolution:\n",
            "completion": "We add\n# Answer 4",
            "problem_id": problem.external_id,
            "solution_id": "one",
            "generator": "g",
        }
    ]
    assert load_lines(db, project, generator="other") == []
    assert load_lines(db, project, prompt="Q: {problem} A:")[0]["prompt"] == "Q: What is 2 + 2? A:"


def test_a_cap_a_problem_and_a_seeded_draw(db: Session, project: Project) -> None:
    problem = factories.problem(db, project)
    for number in range(6):
        factories.solution(db, problem, (f"way {number}",))
    assert len(load_lines(db, project, per_problem=2)) == 2
    assert len(load_lines(db, project, per_problem=10)) == 6
    draws = {load_lines(db, project, per_problem=1, seed=seed)[0]["completion"] for seed in range(20)}
    assert len(draws) > 1
    assert load_lines(db, project, per_problem=1, seed=3) == load_lines(db, project, per_problem=1, seed=3)


def test_what_is_judged_on_and_copies_of_it_stay_out(db: Session, project: Project) -> None:
    factories.solution(db, factories.problem(db, project, "In test?", split="test"), ("a",))
    copy = factories.problem(db, project, "In test?")
    factories.solution(db, copy, ("b",))
    held = factories.problem(db, project, "Held?")
    solution = factories.solution(db, held, ("c",))
    of = EvaluationSet(project_id=project.id, name="set")
    db.add(of)
    db.flush()
    db.add(EvaluationItem(evaluation_set_id=of.id, problem_id=held.id, solution_id=solution.id, answer=0))
    validation = factories.problem(db, project, "For validation?", split="validation")
    factories.solution(db, validation, ("d",))
    assert load_lines(db, project) == []
    assert [line["completion"] for line in load_lines(db, project, split="validation")] == ["d"]
    for wrong in ({"split": "test"}, {"which": "x"}, {"per_problem": 0}, {"prompt": "nowhere"}):
        with pytest.raises(Invalid):
            validate_parameters(SftParameters, wrong)


def test_people_rated_every_step_and_none_bad(db: Session, project: Project) -> None:
    who, other = factories.member(db, project), factories.member(db, project)
    problem = factories.problem(db, project)
    for name, ratings, others in (
        ("good", [1, 0], []), ("bad", [1, -1], []), ("disputed", [1, 1], [-1]), ("overruled", [1, -1], []),
        ("condemned", [1, 1], []),
    ):  # fmt: skip
        solution = factories.solution(db, problem, (name, "so"), verdict="incorrect")
        loop.labeled(db, factories.task(db, solution, overlap=2), who, ratings)
        if others:
            loop.labeled(db, factories.task(db, solution, overlap=2, generation=1), other, others)
        if name in ("overruled", "condemned"):
            ratings_of_adjudicator = [1, 1] if name == "overruled" else [-1]
            key = {"project_id": project.id, "solution_id": solution.id, "decided_by": who.id}
            db.add(Adjudication(**key, ratings=ratings_of_adjudicator, reason="x"))
    factories.solution(db, problem, ("unlabeled", "so"))
    db.flush()
    assert {line["completion"] for line in load_lines(db, project, which="labels")} == {
        "good\nso",
        "overruled\nso",
    }


def test_by_page_api_and_command_with_a_trace(
    database: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.main import create_app

    with transaction() as db:
        project = factories.project(db, "Sums")
        factories.solution(db, factories.problem(db, project), ("2 + 2 = 4", "# Answer\n\n4"))
        admin = factories.member(db, project, "admin")
    out = tmp_path / "sft.jsonl"
    done = CliRunner().invoke(
        cli,
        ["export", "sft", "--project", "sums", "--out", str(out), "--prompt", "{problem}\\n"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    (line,) = map(json.loads, out.read_text().splitlines())
    assert line["prompt"] == "What is 2 + 2?\n"
    assert list(tmp_path.glob(".sft*")) == []
    with TestClient(create_app(), base_url="http://testserver") as web:
        with transaction() as db:
            factories.sign_in(web, db, admin)
        page = web.get("/projects/sums/exports/sft.jsonl", params={"per_problem": "1"})
        assert page.json()["completion"] == "2 + 2 = 4\n# Answer 4"
        assert "attachment" in page.headers["content-disposition"]
        assert web.get("/api/v1/projects/sums/exports/sft").json() == page.json()
        assert web.get("/api/v1/projects/sums/exports/sft", params={"split": "test"}).status_code == 422
        assert "Fine-tuning data" in web.get("/projects/sums/exports").text
    with transaction() as db:
        from app.accounts.audit import list_events

        assert [event.action for event, _ in list_events(db, action="export.")] == ["export.sft"] * 3
