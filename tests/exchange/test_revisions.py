"""Trajectories out of the pool: from what may be learned, and ready to learn from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import NotFound
from app.exchange.exports.revision_data import FORMAT, RevisionParameters
from app.problems.models import Problem
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories import evaluation as judged


def pool(db: Session, of: Project, split: str = "train", **values: object) -> Problem:
    problem = factories.problem(db, of, f"{split} 2 + 2?", split=split)
    for steps, verdict in (
        (("2 + 2 = 4", "answer 4"), "correct"),
        (("2 + 2 = 5", "answer 5"), "incorrect"),
        (("no idea at all", "answer 17"), "incorrect"),
        (("?",), "unparseable"),
    ):
        factories.solution(db, problem, steps, verdict=verdict, **values)
    return problem


def read(db: Session, of: Project, generator: str | None = None, seed: int = 0) -> list[dict]:
    parameters = RevisionParameters(generator=generator or "", seed=seed)
    lines = [json.loads(line) for line in FORMAT.rows(db, of.id, parameters)]
    assert FORMAT.count(db, of.id, parameters) == len(lines)
    return lines


def test_lines(db: Session) -> None:
    project = factories.project(db)
    problem = pool(db, project)
    seen = {len(line["attempts"]): line for seed in range(30) for line in read(db, project, seed=seed)}
    assert set(seen) == {0, 1, 2}
    assert seen[2] == {
        "problem_id": problem.external_id,
        "problem": "train 2 + 2?",
        "attempts": [["no idea at all", "answer 17"], ["2 + 2 = 5", "answer 5"]],
        "solution": ["2 + 2 = 4", "answer 4"],
        "prompt": "Problem:\ntrain 2 + 2?\n\nAttempt 1:\nno idea at all\nanswer 17\n\n"
        "Attempt 2:\n2 + 2 = 5\nanswer 5\n\nSolution:\n",
        "completion": "2 + 2 = 4\nanswer 4",
    }
    assert seen[1]["attempts"] == [["2 + 2 = 5", "answer 5"]], "the closest"
    assert read(db, project, seed=4) == read(db, project, seed=4)


def test_only_what_may_be_learned_from(db: Session) -> None:
    """No test or validation problem, no copy of one, nothing an evaluation set holds."""
    project = factories.project(db)
    pool(db, project, "validation")
    pool(db, project, "test")
    for split in ("train", "test"):
        factories.solution(db, factories.problem(db, project, "The same statement?", split=split))
    held = judged.pool(db, project, 2, "train")
    assert len(read(db, project)) == 4
    judged.frozen(db, project, splits=["train"])
    assert held
    assert read(db, project) == []
    assert read(db, factories.project(db)) == []


def test_of_one_generator(db: Session) -> None:
    project = factories.project(db)
    pool(db, project, generator="one")
    factories.solution(db, factories.problem(db, project, "Other?"), ("x",), generator="two")
    assert [line["completion"] for line in read(db, project, "two")] == ["x"]
    assert len(read(db, project)) == 2


def test_the_command(database: str, home: Path, tmp_path: Path) -> None:
    with transaction() as db:
        pool(db, factories.project(db, "Mine"))
    out = tmp_path / "revisions.jsonl"
    done = CliRunner().invoke(cli, ["export", "revision-data", "--project", "Mine", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "1 trajectories" in done.output
    assert json.loads(out.read_text())["completion"] == "2 + 2 = 4\nanswer 4"
    with pytest.raises(NotFound, match="Unknown project"):
        CliRunner().invoke(
            cli, ["export", "revisions", "--project", "No", "--out", "-"], catch_exceptions=False
        )
