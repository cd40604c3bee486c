"""Every line once, whatever happens; a bad line alone stays out; test problems are guarded."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from app.core.db import transaction
from app.core.errors import Invalid
from app.exchange import importer
from app.exchange.file_reader import iter_entries
from app.exchange.file_stream import BadFile
from app.exchange.formats.registry import detect_format
from app.exchange.models import RejectedRecord
from app.exchange.rejected_records import iter_rejected_lines
from app.labeling.models import Task
from app.problems import grading
from app.problems.models import ExternalLabel, Problem, Solution, Verdict
from app.projects.models import Project
from tests.factories.exchange import import_file

# ruff: noqa: E501, PT012
pytestmark = pytest.mark.usefixtures("database")


def count(model: type) -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


def problem(number: int, **more: object) -> str:
    return json.dumps({"kind": "problem", "id": f"p{number}", "statement": f"What is {number} + 1?",
                       "answer": str(number + 1), **more})  # fmt: skip


def solution(number: int, **more: object) -> str:
    return json.dumps({"kind": "solution", "id": f"s{number}", "problem": f"p{number}",
                       "text": f"Add one.\nIt is {number + 1}.", "answer": str(number + 1), **more})  # fmt: skip


HOSTILE = {
    b'{"kind": "problem", "statement": "a\\u0000b"}': "NUL",
    b'{"kind": "problem", "statement": "\\ud800"}': "surrogate",
    b'{"kind": "problem", "statement": "\xff\xfe"}': "UTF-8",
    b'{"kind": "problem", "statement": "a", "answer": 1e999}': "too large",
    b'{"kind": "problem", "statement": "a", "answer": NaN}': "NaN",
    b"[" * 5000 + b"]" * 5000: "deep",
    b'{"kind": "problem", "statement": ' + b"[" * 150 + b"]" * 150 + b"}": "deep",
    b'{"kind": "problem", "statement": "': "not JSON",
    b'"just text"': "not an object",
    b'{"kind": "poem"}': '"kind"',
    b'{"kind": "problem", "statement": ""}': '"statement"',
    b'{"kind": "problem", "statement": "\\u00a0\\u2060"}': '"statement" shows nothing',
    b'{"kind": "solution", "id": "x", "problem": "p1", "steps": ["a", "\\u200d \\u00ad"]}': '"steps[1]" shows nothing',
    b'{"kind": "solution", "id": "x", "problem": "p1", "steps": ["", "a"]}': '"steps[0]" is empty',
    b'{"kind": "solution", "id": "x", "problem": "p1", "steps": []}': "no step",
    b'{"kind": "solution", "id": "x", "problem": "p1", "text": "\\u200b\\ufeff"}': '"text" shows nothing',
    b'{"kind": "solution", "id": "x", "problem": "p1", "steps": ["a"], "alternatives": [["\\u2800"]]}': "without a text",
    b'{"kind": "solution", "id": "x", "problem": "nobody", "text": "a"}': "no problem named",
    b'{"kind": "problem", "id": "p1", "statement": "another"}': "belongs to another",
    b'{"kind": "problem", "statement": "long ' + b"a" * (17 << 20) + b'"}': "longer than",
}


def test_hostile_lines_stay_out_and_the_rest_goes_in(tmp_path: Path) -> None:
    lines = [problem(1).encode()]
    for number, bad in enumerate(HOSTILE):
        lines += [bad, problem(100 + number).encode() + b"\r", b""]
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    done = import_file(path)
    assert done.state == "succeeded"
    assert done.counts["problems"] == 1 + len(HOSTILE)
    with transaction() as db:
        messages = {error.line: error.message for error in db.scalars(select(RejectedRecord))}
    assert sorted(messages) == [2 + 3 * at for at in range(len(HOSTILE))]
    for message, sign in zip(messages.values(), HOSTILE.values(), strict=True):
        assert sign in message
    written = [json.loads(line) for line in iter_rejected_lines(done.id)]
    assert written[8]["record"] == '"just text"'


def test_a_second_import_adds_nothing_and_compressed_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text("\n".join(f"{problem(n)}\n{solution(n)}" for n in range(50)))
    first = import_file(path)
    assert (first.counts["problems"], first.counts["solutions"]) == (50, 50)
    packed = tmp_path / "file.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    again = import_file(packed)
    assert (again.counts["duplicates"], again.counts["lines"]) == (100, 100)
    assert (count(Problem), count(Solution)) == (50, 50)


def test_a_bomb_and_other_kinds_of_file_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.gz"
    with gzip.open(bomb, "wb") as out:
        for _ in range(200):
            out.write(b" " * (1 << 20))
    with pytest.raises(BadFile, match="200 times"):
        list(iter_entries(bomb))
    other = tmp_path / "other"
    other.write_bytes(b"PK\x03\x04")
    with pytest.raises(BadFile):
        detect_format(other)
    other.write_text('{"a": 1}')
    with pytest.raises(Invalid, match="not known"):
        detect_format(other)


@pytest.mark.parametrize("chunk", [3, 7, 1 << 20])
def test_an_array_is_cut_into_its_elements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    values = [{"a": '"]}\\'}, {"b": [1, {"c": "[{"}]}, 5, "x,y", None, {"d": "\\"}, []]
    path = tmp_path / "array.json"
    path.write_text("\n " + json.dumps(values, indent=1))
    monkeypatch.setattr("app.exchange.file_stream.CHUNK_SIZE", chunk)
    elements = list(iter_entries(path))
    assert [json.loads(element.raw) for element in elements] == values
    for at, element in enumerate(elements):
        rest = iter_entries(path, offset=element.end, number=element.number)
        assert [json.loads(more.raw) for more in rest] == values[at + 1 :]
    path.write_text(json.dumps(values)[:-1])
    assert list(iter_entries(path))[-1].error is not None


def test_a_test_problem_is_guarded(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(problem(1, split="test") + "\n" + solution(1))
    assert import_file(path).counts["problems"] == 1
    path.write_text(
        problem(2, statement="what is  1 + 1?")
        + "\n"
        + problem(3)
        + "\n"
        + problem(4, statement="What is 3 + 1?", split="test")
    )
    done = import_file(path)
    assert done.counts["split_conflicts"] == 2
    with transaction() as db:
        messages = list(db.scalars(select(RejectedRecord.message).order_by(RejectedRecord.line)))
    assert "'p1'" in messages[0]
    assert "'p3'" in messages[1]
    with pytest.raises(IntegrityError, match="p1 is in the test split"), transaction() as db:
        where = db.scalars(select(Solution)).one()
        db.add(Task(project_id=where.project_id, solution_id=where.id))
    with pytest.raises(IntegrityError, match="cannot move to the test split"), transaction() as db:
        problem_row = db.scalars(select(Problem).where(Problem.external_id == "p3")).one()
        db.add(
            solution_row := Solution(
                project_id=problem_row.project_id,
                problem_id=problem_row.id,
                external_id="x",
                steps=["a"],
                digest=b"",
            )
        )
        db.flush()
        db.add(Task(project_id=problem_row.project_id, solution_id=solution_row.id))
        db.flush()
        problem_row.split = "test"


def test_the_real_files(shared_data: Path) -> None:
    expected = {
        "gsm8k/example_model_solutions.jsonl": ("gsm8k-solutions", 1319, 5276),
        "processbench/math.json": ("processbench", 955, 1000),
        "solutions/math_cot_100.jsonl": ("math-cot", None, 800),
    }
    for name, (format, problems, solutions) in expected.items():
        done = import_file(shared_data / name)
        assert (done.format, done.counts["errors"], done.counts["solutions"]) == (format, 0, solutions)
        assert problems in (None, done.counts["problems"])
    assert import_file(shared_data / "math" / "test500.jsonl").split == "test"
    with transaction() as db:
        first = db.scalars(select(ExternalLabel).order_by(ExternalLabel.solution_id)).first()
        assert first is not None
        sample = db.get_one(Solution, first.solution_id)
        assert sample.verdict == db.get_one(Verdict, (sample.id, "file:processbench")).verdict
        project_id = sample.project_id
    counts = grading.grade_waiting(project_id)
    assert sum(counts.values()) == 6076
    with transaction() as db:
        ours, theirs = aliased(Verdict), aliased(Verdict)
        same = db.scalar(
            select(func.count()).where(
                ours.solution_id == theirs.solution_id,
                ours.source == "grader",
                theirs.source != "grader",
                ours.verdict == theirs.verdict,
            )
        )
    assert same is not None
    assert same >= 6060  # of 6,076: docs/answers.md


RUN = """
import sys
from app.exchange import importer
importer.BATCH_LINES = 40
importer.run_import(int(sys.argv[1]))
"""


def test_killed_anywhere_and_run_again_each_line_is_in_once(database: str, tmp_path: Path) -> None:
    draw = random.Random(5)  # noqa: S311
    path = tmp_path / "file.jsonl"
    path.write_text("\n".join(f"{problem(n)}\n{solution(n)}" for n in range(4000)))
    with transaction() as db:
        project = Project(name="P", slug="p")
        db.add(project)
        db.flush()
        begun = importer.create_import(db, project, path)
    kills = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(begun.id)], env={**os.environ, "DATABASE_URL": database}
        )
        until = time.monotonic() + 20
        with psycopg.connect(database, autocommit=True) as watch:
            start = watch.execute('SELECT lines_done FROM "import"').fetchone()
            while process.poll() is None and time.monotonic() < until:
                now = watch.execute('SELECT lines_done FROM "import"').fetchone()
                if now != start:
                    break
                time.sleep(0.005)
        time.sleep(draw.random() * 0.1)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 3
    done = importer.run_import(begun.id)
    assert done.state == "succeeded"
    assert (done.counts["lines"], done.counts["problems"], done.counts["solutions"]) == (8000, 4000, 4000)
    assert (done.counts["duplicates"], done.counts["errors"]) == (0, 0)
    assert (count(Problem), count(Solution)) == (4000, 4000)


def test_every_record_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text("\n".join([problem(1), solution(1), solution(1), "no JSON", problem(2, answer=None)]))
    first = import_file(path)
    assert first.account == {"lines": 5, "new": 3, "updated": 0, "duplicates": 1, "errors": 1}
    path.write_text("\n".join([problem(1), solution(1), problem(2), solution(2), solution(2, answer="4")]))
    second = import_file(path)
    assert second.account == {"lines": 5, "new": 1, "updated": 1, "duplicates": 3, "errors": 0}


def test_a_solution_with_other_steps_under_the_same_id_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text("\n".join([problem(1), solution(1), solution(1, text="Add one.\nIt is 3."), solution(1)]))
    first = import_file(path)
    assert first.account == {"lines": 4, "new": 2, "updated": 0, "duplicates": 1, "errors": 1}
    path.write_text("\n".join([solution(1, text="Guess."), problem(2)]))
    second = import_file(path)
    assert second.account == {"lines": 2, "new": 1, "updated": 0, "duplicates": 0, "errors": 1}
    with transaction() as db:
        messages = list(db.scalars(select(RejectedRecord.message).order_by(RejectedRecord.import_id)))
    assert all("'s1' is already imported with other steps" in message for message in messages)


def test_math_follows_its_identifiers_unless_a_split_is_named(tmp_path: Path) -> None:
    def row(name: str) -> str:
        fields = {"problem": f"What is {name}?", "solution": "x", "answer": "1", "unique_id": name}
        return json.dumps(fields)

    path = tmp_path / "math.jsonl"
    path.write_text("\n".join([row("test/algebra/1.json"), row("train/algebra/2.json"), row("other")]))
    assert import_file(path).format == "math"
    splits = select(Problem.external_id, Problem.split).order_by(Problem.id)
    with transaction() as db:
        assert [split for _, split in db.execute(splits)] == ["test", "train", "test"]
        db.connection().exec_driver_sql("DELETE FROM problem")
    import_file(path, split="train")
    with transaction() as db:
        assert [split for _, split in db.execute(splits)] == ["train", "train", "train"]
