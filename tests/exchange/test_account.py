"""Every record of a file is accounted for: other content under a known identifier, splits, notices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.exchange.models import Import, RejectedRecord
from app.problems.models import ExternalLabel, Solution
from tests.factories import base as factories
from tests.factories.exchange import import_file

PROBLEM = {"kind": "problem", "id": "p", "statement": "What is 3 + 4?", "answer": "7"}
SOLUTION = {"kind": "solution", "id": "s", "problem": "p", "steps": ["3 + 4", "# Answer\n\n7"]}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.usefixtures("database")
def test_other_content_under_a_known_identifier_is_an_error_with_its_line(tmp_path: Path) -> None:
    labels = {"first_error": -1, "ratings": [1, 1]}
    import_file(write(tmp_path / "a.jsonl", PROBLEM, {**SOLUTION, "verdict": "correct", "external": labels}))
    again = import_file(
        write(
            tmp_path / "b.jsonl",
            {**PROBLEM, "answer": "8"},
            {**PROBLEM, "answer": "7 "},
            {**SOLUTION, "verdict": "incorrect"},
            {**SOLUTION, "external": {"first_error": 1}},
            {**SOLUTION, "external": {"ratings": [1, 0]}},
            {**SOLUTION, "steps": ["3 + 4", "is 7"]},
            SOLUTION,
        )
    )
    assert again.account == {"lines": 7, "updated": 0, "duplicates": 2, "errors": 5, "new": 0}
    with transaction() as db:
        rejected = list(db.scalars(select(RejectedRecord).order_by(RejectedRecord.line)))
        assert [record.line for record in rejected] == [1, 3, 4, 5, 6]
        for record, reason in zip(
            rejected,
            (
                "reference answer '7', not '8'",
                "another verdict",
                "another first error",
                "step labels",
                "steps",
            ),
            strict=True,
        ):
            assert reason in record.message


@pytest.mark.usefixtures("database")
def test_labels_that_were_missing_are_added(tmp_path: Path) -> None:
    import_file(write(tmp_path / "a.jsonl", PROBLEM, SOLUTION, {**SOLUTION, "id": "t"}))
    rows = [
        {**SOLUTION, "external": {"ratings": [1, -1]}},
        {**SOLUTION, "id": "t", "external": {"first_error": 0}},
    ]
    assert import_file(write(tmp_path / "b.jsonl", *rows)).account["updated"] == 2
    assert import_file(write(tmp_path / "c.jsonl", *rows)).account["duplicates"] == 2
    with transaction() as db:
        labels = {
            label.solution_id: (label.first_error, label.ratings)
            for label in db.scalars(select(ExternalLabel))
        }
        assert sorted(labels.values(), key=str) == [(0, None), (None, [1, -1])]


@pytest.mark.usefixtures("database")
def test_a_split_that_cannot_be_followed_is_counted(tmp_path: Path) -> None:
    import_file(write(tmp_path / "a.jsonl", PROBLEM))
    done = import_file(
        write(tmp_path / "b.jsonl", PROBLEM, SOLUTION, {**PROBLEM, "split": "train"}), split="validation"
    )
    assert (done.counts["other_split"], done.counts["errors"]) == (2, 0)
    assert import_file(write(tmp_path / "c.jsonl", {**SOLUTION, "id": "t"})).counts["other_split"] == 0


def test_the_command_prints_notices_and_the_account(database: str, tmp_path: Path) -> None:
    with transaction() as db:
        factories.project(db, name="Notices")
    text = "<think>\nIs it 7?\n\nYes.\n</think>\n\nIt is 7.\n\n# Answer\n\n7"
    rows = [{"kind": "solution", "id": f"s{at}", "problem": "p", "text": text} for at in range(3)]
    path = write(tmp_path / "rows.jsonl", PROBLEM, *rows, {"kind": "solution"})
    result = CliRunner().invoke(cli, ["import", str(path), "--project", "Notices", "--split", "validation"])
    assert result.exit_code == 3
    assert "model_output fits them better" in result.output
    assert "3 solutions have thinking" in result.output
    assert "5 records: 4 new, 0 updated, 0 duplicates, 1 rejected" in result.output
    again = CliRunner().invoke(cli, ["import", str(path), "--project", "Notices", "--split", "train"])
    assert "4 records belong to problems that are in another split already" in again.output


def test_a_file_with_rejected_records_is_amber(web: TestClient, db: Session) -> None:
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    counts = dict.fromkeys(("solutions", "labels", "split_conflicts", "duplicates"), 0)
    counts |= {"lines": 17, "errors": 15, "problems": 2, "other_split": 3}
    notices = {"notices": ["A notice."]}
    done = Import(project_id=project.id, kind="import", filename="a.jsonl", path="/a", format="gsm8k",
                  split="train", counts=counts, state="succeeded", config=notices)  # fmt: skip
    db.add(done)
    db.flush()
    page = web.get(f"/projects/{project.slug}/imports/{done.id}").text
    assert "Succeeded with 15 of" in page
    assert "badge success" not in page
    assert "3 records belong to problems that are in another split already" in " ".join(page.split())
    assert "A notice." in page
    assert "Partly rejected" in web.get(f"/projects/{project.slug}/imports").text
    answer = web.get(f"/api/v1/projects/{project.slug}/imports/{done.id}").json()
    assert (answer["counts"]["errors"], answer["counts"]["new"]) == (15, 2)
    assert not db.scalars(select(Solution)).all()
