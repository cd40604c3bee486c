"""Imports find the answer of a solution, fill in what was missing, and keep the verdict of the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.exchange.models import Import
from app.problems import grading
from app.problems.models import Problem, Solution, Verdict
from tests.factories.exchange import import_file

pytestmark = pytest.mark.usefixtures("database")

PROBLEM = {"id": "area", "statement": "A square has side 7. What is its area?", "answer": "49"}


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def import_and_grade(path: Path, *rows: dict[str, object]) -> Import:
    done = import_file(write(path, *rows))
    assert (done.state, done.counts["errors"]) == ("succeeded", 0)
    grading.grade_waiting(done.project_id)
    return done


def list_verdicts() -> dict[str, str | None]:
    with transaction() as db:
        return {row[0]: row[1] for row in db.execute(select(Solution.external_id, Solution.verdict))}


def solution(name: str, **fields: object) -> dict[str, object]:
    return {"kind": "solution", "id": name, "problem": "area", **fields}


def test_the_answer_is_found_in_text_and_steps(tmp_path: Path) -> None:
    import_and_grade(
        tmp_path / "file.jsonl",
        {"kind": "problem", **PROBLEM},
        solution("boxed", text="7 times 7.\nThe area is $\\boxed{49}$."),
        solution("heading", steps=["7 times 7 is 49.", "# Answer\n\n49"]),
        solution("field", steps=["7 times 7 is 50."], answer="49"),
        solution("empty field", steps=["So:", "#### 49"], answer=""),
        solution("thinking", steps=["<think>Maybe \\boxed{48}?</think>", "The answer is 49."]),
        solution("only thought", text="<think>\nSurely \\boxed{49}.\n</think>\n\nThe answer is 14."),
        solution("chinese", text="7×7＝４９。\n答案：４９"),
        solution("silent", text="A square is nice."),
    )
    correct = dict.fromkeys(("boxed", "heading", "field", "empty field", "thinking", "chinese"), "correct")
    assert list_verdicts() == {**correct, "only thought": "incorrect", "silent": "unparseable"}


def test_a_verdict_of_the_file_counts_where_ours_is_unparseable(tmp_path: Path) -> None:
    import_and_grade(
        tmp_path / "file.jsonl",
        {"kind": "problem", **PROBLEM},
        solution("unread, incorrect", steps=["None of these fits."], verdict="incorrect"),
        solution("unread, correct", steps=["It is the square of seven, of course."], verdict="correct"),
        solution("read", steps=["The answer is 49."], verdict="incorrect"),
    )
    assert list_verdicts() == {
        "unread, incorrect": "incorrect",
        "unread, correct": "correct",
        "read": "correct",
    }
    with transaction() as db:
        sources = db.execute(
            select(Verdict.source, Verdict.verdict)
            .join(Solution)
            .where(Solution.external_id == "unread, incorrect")
        )
        assert set(map(tuple, sources)) == {("file:stepmark", "incorrect"), ("grader", "unparseable")}


def test_a_repeated_line_fills_in_what_was_missing(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    steps = ["Seven sevens."]
    first = [{"kind": "problem", **PROBLEM, "answer": None}, solution("bare", steps=steps)]
    import_and_grade(path, *first)
    assert list_verdicts() == {"bare": None}
    again = import_and_grade(path, *first)
    assert (again.counts["duplicates"], again.counts["updated"]) == (2, 0)

    more = import_and_grade(
        path, {"kind": "problem", **PROBLEM}, solution("bare", steps=steps, answer="49", verdict="correct")
    )
    assert (more.counts["updated"], more.counts["duplicates"], more.counts["solutions"]) == (2, 0, 0)
    assert list_verdicts() == {"bare": "correct"}
    with transaction() as db:
        assert db.scalars(select(Problem.reference_answer)).one() == "49"

    unchanged = import_and_grade(path, solution("bare", steps=steps, answer="50"))
    assert (unchanged.counts["updated"], unchanged.counts["duplicates"]) == (0, 1)
    other = import_file(write(path, solution("bare", steps=steps, answer="50", verdict="incorrect")))
    assert (other.counts["updated"], other.counts["duplicates"], other.counts["errors"]) == (0, 0, 1)
    with transaction() as db:
        assert db.scalars(select(Solution.final_answer)).one() == "49"


def test_a_line_with_other_steps_fills_in_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    import_and_grade(path, {"kind": "problem", **PROBLEM}, solution("bare", steps=["Seven sevens."]))
    other = import_file(write(path, solution("bare", steps=["Seven eights."], answer="56")))
    assert (other.counts["updated"], other.counts["errors"]) == (0, 1)
    grading.grade_waiting(other.project_id)
    assert list_verdicts() == {"bare": "unparseable"}


def test_a_problem_and_its_solutions_can_be_filled_in_together(tmp_path: Path) -> None:
    """A solution that is new in the file that brings the reference answer is graded too."""
    path = tmp_path / "file.jsonl"
    import_and_grade(path, {"kind": "problem", **PROBLEM, "answer": None})
    import_and_grade(
        path, {"kind": "problem", **PROBLEM}, solution("new", text="\\boxed{48}", verdict="correct")
    )
    assert list_verdicts() == {"new": "incorrect"}
