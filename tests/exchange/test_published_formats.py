"""Formats by name in the shapes in which they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.exchange.formats.base import ParseContext
from app.exchange.formats.registry import IMPORT_FORMATS, detect_format
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord

STEPS = ["Step 1: The pens cost 6.", "Step 2: 6 + 4 = 11. The answer is 11."]
GRADED = {
    "uuid": "u-1",
    "question": "What do 3 pens at $2 and a $4 book cost?",
    "ground_truth_answer": "10",
    "model_output_steps": STEPS,
    "model_output_answer_correctness": "wrong",
    "model_output_solution_first_error_step": 2,
}
BEN = {
    "Question": "Which number is even?",
    "Options": "A: 3 B: 4",
    "Model_Solution_Steps": ["Even numbers end in 4.", "Step 2: So A.", "Step 3: The answer is A."],
    "Model_Solution_First_Error_Step": "2",
    "Sampled_Model": "m",
    "Subject": "math",
}
BENCH = {
    "idx": "c-7",
    "classification": "circular",
    "original_question": "Q?",
    "modified_question": "What is 2 * 3 + 1?",
    "original_process": ["2 * 3 = 6", "6 + 1 = 7"],
    "modified_process": ["2 * 3 = 5", "5 + 1 = 6", "So 6."],
    "error_steps": [1, 3],
}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is 8 - 3?"}]},
        {
            "role": "assistant",
            "reasoning_content": "Maybe \\boxed{4}.",
            "content": "8 - 3 is 5.\n\n\\boxed{5}",
        },
    ],
    "model": "r1",
    "answer": 5,
}


def read(row: dict[str, Any], tmp_path: Path) -> tuple[str, ImportedRecord]:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([row]))
    detected = detect_format(path)
    return detected.id, detected.parse(row, ParseContext(detected.segmentation))


def test_graded_solutions_keep_the_first_error_by_the_number_of_its_step(tmp_path: Path) -> None:
    name, record = read(GRADED, tmp_path)
    solution = record.solutions[0]
    assert name == "mr-graded"
    assert (solution.first_error, solution.file_verdict, solution.final_answer) == (1, "incorrect", "11")
    assert record.problem is not None
    assert record.problem.reference_answer == "10"
    assert (
        read({**GRADED, "model_output_solution_first_error_step": "N/A"}, tmp_path)[1]
        .solutions[0]
        .first_error
        == -1
    )
    lists = {**GRADED, "model_output_step_format": [[step] for step in STEPS]}
    assert read(lists, tmp_path)[1].solutions[0].steps == STEPS
    name, record = read(BEN, tmp_path)
    assert (name, record.solutions[0].first_error, record.solutions[0].generator) == ("mr-graded", 1, "m")
    assert record.problem is not None
    assert record.problem.statement == "Which number is even?\nA: 3 B: 4"
    with pytest.raises(RecordError, match="behind the last of 2 steps"):
        read({**GRADED, "model_output_solution_first_error_step": 3}, tmp_path)


def test_several_error_steps_become_ratings(tmp_path: Path) -> None:
    name, record = read(BENCH, tmp_path)
    assert (name, record.solutions[0].external_ratings) == ("prmbench", [-1, 1, -1])
    assert (record.solutions[0].first_error, record.solutions[0].detail["classification"]) == (0, "circular")
    with pytest.raises(RecordError, match="numbers from 1 to 3"):
        IMPORT_FORMATS["prmbench"].parse({**BENCH, "error_steps": [4]}, ParseContext())


def test_a_conversation_is_a_problem_and_its_solution(tmp_path: Path) -> None:
    name, record = read(CHAT, tmp_path)
    assert record.problem is not None
    assert (name, record.problem.statement, record.problem.reference_answer) == (
        "messages",
        "What is 8 - 3?",
        "5",
    )
    solution = record.solutions[0]
    assert (solution.final_answer, solution.generator) == ("5", "r1")
    assert "Maybe" in solution.steps[0]
    assert solution.steps[-1] == "\\boxed{5}"
    turns = [("human", "What is 1 + 1?"), ("gpt", "It is 2."), ("human", "And 2 more?"), ("gpt", "It is 4.")]
    shared = {"conversations": [{"from": role, "value": text} for role, text in turns]}
    name, record = read(shared, tmp_path)
    assert record.problem is not None
    assert (name, record.problem.statement.split()[-1]) == ("messages", "more?")
    assert "It is 2." in record.problem.statement
    with pytest.raises(RecordError, match="No message of the user"):
        IMPORT_FORMATS["messages"].parse({"messages": turns_of("assistant")}, ParseContext("blank"))


def turns_of(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": "Text."} for role in roles]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"problem": "1+1", "answer": "2"}, "2"),
        ({"problem": "1+1", "level": "Level 1", "type": "Algebra", "solution": "So \\boxed{2}."}, "2"),
        ({"question": "1+1", "answer": "It is 2.\n#### 2", "id": 4}, "2"),
        ({"id": 3, "problem": "1+1", "answer": 2.0, "url": "u"}, "2"),
        ({"question": "1+1", "solution": ["So 2."], "final_answer": ["$2$"], "unit": None}, "$2$"),
    ],
)
def test_lists_of_problems_need_no_mapping(row: dict[str, Any], answer: str, tmp_path: Path) -> None:
    name, record = read(row, tmp_path)
    assert name == "problem-list"
    assert record.problem is not None
    assert record.problem.reference_answer == answer
    if "level" in row:
        assert (record.problem.level, record.problem.subject) == ("Level 1", "Algebra")
