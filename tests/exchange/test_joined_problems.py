"""Outputs of a model and problems with reference answers come in two files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.exchange import importer
from app.exchange.field_mapping import parse_mapping
from app.exchange.models import Import
from app.problems.models import Problem, Solution
from app.projects.models import Project
from tests.factories import base as factories

pytestmark = pytest.mark.usefixtures("database")
QUESTION = "A jar holds 3 red and 4 blue beads. How many beads are in 2 jars?"
OUTPUTS = [
    {"prompt": QUESTION, "response": f"One jar holds 7.\n\nThe answer is {answer}.", "model": "m"}
    for answer in (14, 15)
]


def bring(path: Path, rows: list[dict], project: int, **options: object) -> Import:
    path.write_text("\n".join(map(json.dumps, rows)))
    with transaction() as db:
        created = importer.create_import(db, db.get_one(Project, project), path, **options)  # type: ignore[arg-type]
    return importer.run_import(created.id)


@pytest.mark.parametrize("split", ["train", "test"])
def test_outputs_join_the_problem_with_the_reference_answer(tmp_path: Path, split: str) -> None:
    with transaction() as db:
        project = factories.project(db).id
    problems = [{"question": QUESTION, "answer": "2*7=<<2*7=14>>14\n#### 14"}]
    assert bring(tmp_path / "problems.jsonl", problems, project, split=split).counts["problems"] == 1
    mapping = parse_mapping("problem=prompt,steps=response,generator=model")
    rows = [*OUTPUTS, {**OUTPUTS[0], "prompt": "Another question?"}]
    done = bring(tmp_path / "outputs.jsonl", rows, project, split=split, mapping=mapping)
    assert done.error is None
    assert (done.counts["problems"], done.counts["solutions"]) == (1, 3)
    with transaction() as db:
        joined = db.scalars(select(Problem).where(Problem.statement == QUESTION)).one()
        assert joined.reference_answer == "14"
        solutions = db.scalars(select(Solution).where(Solution.problem_id == joined.id)).all()
        assert {solution.final_answer for solution in solutions} == {"14", "15"}
    again = bring(tmp_path / "outputs.jsonl", rows, project, split=split, mapping=mapping)
    assert again.account["duplicates"] == 3


def test_an_identifier_of_the_file_is_kept(tmp_path: Path) -> None:
    with transaction() as db:
        project = factories.project(db).id
    bring(tmp_path / "problems.jsonl", [{"question": QUESTION, "answer": "#### 14"}], project)
    mapping = parse_mapping("problem=prompt,steps=response,problem_id=qid")
    rows = [{**row, "qid": "q-1"} for row in OUTPUTS]
    bring(tmp_path / "outputs.jsonl", rows, project, mapping=mapping)
    with transaction() as db:
        assert len(db.scalars(select(Problem).where(Problem.statement == QUESTION)).all()) == 2
