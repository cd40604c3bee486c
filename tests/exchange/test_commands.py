"""`stepmark import` and `export` as processes: exit codes, errors by line, the same rows again."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from app.accounts.models import AuditEvent
from app.core.db import transaction
from app.exchange import importer, uploads
from app.settings import settings
from tests.factories import base as factories


def stepmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "stepmark"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def row(number: int, rating: int) -> dict[str, object]:
    steps = [f"{number} + 1 = {number + 1}", f"# Answer\n\n{number + 1}"]
    completions = [{"text": text, "rating": rating, "flagged": None} for text in steps]
    return {
        "labeler": f"00000000-0000-4000-8000-{number:012}",
        "timestamp": f"2022-11-22T16:51:{number:02}.000001",
        "generation": number % 2,
        "is_quality_control_question": False,
        "is_initial_screening_question": False,
        "question": {
            "problem": f"What is {number} + 1?",
            "ground_truth_solution": None,
            "ground_truth_answer": str(number + 1),
            "pre_generated_steps": steps,
            "pre_generated_answer": str(number + 1),
            "pre_generated_verifier_score": 0.5,
        },
        "label": {
            "steps": [
                {"completions": [completion], "human_completion": None, "chosen_completion": 0}
                for completion in completions
            ],
            "total_time": 1000,
            "finish_reason": "solution",
        },
    }


def test_in_again_and_out(database: str, home: Path) -> None:
    rows = [row(number, 1) for number in range(6)]
    lines = [json.dumps(row_json) for row_json in rows]
    lines[3] = lines[3].replace('"rating": 1', '"rating": 7')
    file, out = home / "rows.jsonl", home / "out.jsonl"
    file.write_text("\n".join(lines))
    assert stepmark("project", "create", "Lines", "--mode", "first_error").returncode == 0

    first = stepmark("import", str(file), "--project", "Lines")
    assert first.returncode == 3, first.stderr
    assert "line 4" in first.stderr
    assert "A rating is -1, 0, 1 or null" in first.stderr
    assert "5 labels" in first.stdout
    assert "graded: 5 correct" in first.stdout

    again = stepmark("import", str(file), "--project", "Lines")
    assert "5 duplicates" in again.stdout

    assert stepmark("export", "prm800k", "--project", "Lines", "--out", str(out)).returncode == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == rows[:3] + rows[4:]
    part = stepmark("export", "prm800k", "--project", "Lines", "--out", "-", "--generation", "1")
    assert [json.loads(line)["generation"] for line in part.stdout.splitlines()] == [1, 1]
    with transaction() as db:
        noted = db.scalars(select(AuditEvent).where(AuditEvent.action == "export.prm800k")).all()
        assert [event.detail["rows"] for event in noted] == [5, 2]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("import", "nowhere.jsonl", "--project", "Lines"), 2, "nowhere.jsonl"),
        (("import", "{file}", "--project", "Nobody"), 2, "stepmark project create"),
        (("import", "{file}", "--project", "Lines", "--format", "csv"), 2, "csv"),
    ],
)
def test_what_cannot_be_imported(
    database: str, home: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    file = home / "rows.jsonl"
    file.write_text(json.dumps(row(1, 1)))
    with transaction() as db:
        factories.project(db, "Lines")
    done = stepmark(*(argument.format(file=file) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_abandoned_upload_is_swept_and_one_in_use_is_not(database: str, home: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    old = (now - uploads.ABANDONED_AFTER - dt.timedelta(minutes=1)).timestamp()
    files = {name: settings().uploads_dir / "1" / f"{name}-0123456789abcdef" / "rows.jsonl" for name in
             ("abandoned", "waiting", "fresh")}  # fmt: skip
    for file in files.values():
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(row(1, 1)))
    for name in ("abandoned", "waiting"):
        os.utime(files[name], (old, old))
    with transaction() as db:
        importer.create_import(db, factories.project(db), files["waiting"])
    with transaction() as db:
        assert uploads.delete_abandoned(db, now) == 1
    assert {name: file.exists() for name, file in files.items()} == {
        "abandoned": False,
        "waiting": True,
        "fresh": True,
    }
    assert not files["abandoned"].parent.exists()
