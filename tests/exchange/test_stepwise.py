"""Formats with a label for each step: TRL, Math-Shepherd and RLHFlow in, TRL out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.exchange.exports.trl_stepwise import FORMAT, TrlParameters
from app.exchange.formats.base import ParseContext
from app.exchange.formats.registry import IMPORT_FORMATS
from app.exchange.json_decoding import RecordError
from app.exchange.models import RejectedRecord
from app.problems.models import ExternalLabel, Solution
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories import selection as loop
from tests.factories.exchange import import_file

QUESTION = "A pen costs $2. What do 3 pens and a $4 book cost?"
STEPS = ["Step 1: The pens cost 3 * 2 = <<3*2=6>>6.", "Step 2: 6 + 4 = 11. The answer is: 11"]
TRL = {"prompt": QUESTION, "completions": STEPS, "labels": [True, False]}
TAGGED = f"{QUESTION} {STEPS[0]} ки\n{STEPS[1]} ки"
SHEPHERD = {"input": TAGGED, "label": "+".join(TAGGED.split("ки")[:2]) + "-", "task": "GSM8K"}
RLHFLOW = {
    "conversations": [
        {"role": "user", "content": f"{QUESTION} {STEPS[0]}"},
        {"role": "assistant", "content": "+"},
        {"role": "user", "content": STEPS[1]},
        {"role": "assistant", "content": "-"},
    ]
}
ROWS = {"trl-stepwise": TRL, "math-shepherd": SHEPHERD, "rlhflow": RLHFLOW}


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("format", ROWS)
def test_labels_come_in_as_external_labels_and_go_out_for_trl(format: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS[format]))
    done = import_file(path)
    assert (done.format, done.account["new"]) == (format, 1)
    assert import_file(path).account["duplicates"] == 1
    with transaction() as db:
        label = db.scalars(select(ExternalLabel)).one()
        assert (label.ratings, label.first_error, label.source) == ([1, -1], 1, f"file:{format}")
        solution = db.scalars(select(Solution)).one()
        assert (solution.steps, solution.final_answer) == (STEPS, "11")
        rows = list(FORMAT.rows(db, solution.project_id, TrlParameters(source="external")))
        assert [json.loads(row) for row in rows] == [TRL]
        assert list(FORMAT.rows(db, solution.project_id, TrlParameters())) == []


@pytest.mark.usefixtures("database")
def test_rows_that_are_not_what_they_seem_are_rejected(tmp_path: Path) -> None:
    rows = [
        {**TRL, "labels": [True, False, True]},
        {**TRL, "labels": [True, "maybe"]},
        {**TRL, "completions": ["a", " "]},
        {**SHEPHERD, "label": SHEPHERD["label"].replace("pens", "books")},
        {**SHEPHERD, "input": SHEPHERD["input"].removesuffix("ки") + "and so on"},
    ]
    path = tmp_path / "rows.jsonl"
    for format, part in (("trl-stepwise", rows[:3]), ("math-shepherd", rows[3:])):
        path.write_text("\n".join(map(json.dumps, part)))
        assert import_file(path, format=format).account["errors"] == len(part)
    with transaction() as db:
        messages = list(db.scalars(select(RejectedRecord.message)))
    assert len(messages) == len(rows)
    turns = [{"content": "No marker"}, {"content": "+"}]
    with pytest.raises(RecordError, match="cannot be told from the first step"):
        IMPORT_FORMATS["rlhflow"].parse({"conversations": turns}, ParseContext())


@pytest.fixture
def project(db: Session) -> Project:
    return factories.project(db)


def test_labels_of_people_go_out_up_to_the_first_step_without_a_rating(db: Session, project: Project) -> None:
    problem = factories.problem(db, project, "What is 1 + 1?")
    labeler = factories.member(db, project)
    for name, ratings in (("whole", [1, 0]), ("error", [-1]), ("flagged", [1, None])):
        task = factories.task(db, factories.solution(db, problem, (name, "so")))
        loop.labeled(db, task, labeler, ratings)
    rows = [json.loads(row) for row in FORMAT.rows(db, project.id, TrlParameters())]
    assert [(row["completions"], row["labels"]) for row in rows] == [
        (["whole", "so"], [True, True]),
        (["error"], [False]),
        (["flagged"], [True]),
    ]
    strict = [json.loads(row) for row in FORMAT.rows(db, project.id, TrlParameters(neutral="error"))]
    assert strict[0]["labels"] == [True, False]
    assert FORMAT.count(db, project.id, TrlParameters()) == 3
