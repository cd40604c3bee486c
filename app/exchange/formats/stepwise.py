"""PURE: what the formats with a label for each step have in common. Their labels become external labels."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from app.answers.extract import answer_of_steps
from app.exchange.field_parsers import check_step_count
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id
from app.problems.segmentation import is_visible_text

FIRST_STEP = re.compile(r"\s*(?=Step 1\s*[:.])")
SIGNS = {"+": True, "-": False}


def build_record(source: str, statement: str, steps: list[str], labels: list[bool]) -> ImportedRecord:
    """A problem and its solution with one label for each of the first steps: True for a correct step."""
    if not is_visible_text(statement):
        raise RecordError("The problem is empty.")
    if not steps or not all(map(is_visible_text, steps)):
        raise RecordError("It has no step, or an empty one.", "Give at least one, none of them empty.")
    problem_id = build_statement_id(source, statement)
    digest = hashlib.sha256("\0".join(check_step_count(steps)).encode()).hexdigest()[:24]
    is_complete = len(labels) == len(steps)
    solution = SolutionRecord(
        external_id=f"{problem_id}:{digest}",
        steps=steps,
        final_answer=answer_of_steps(steps),
        first_error=labels.index(False) if False in labels else -1 if is_complete else None,
        external_ratings=[1 if label else -1 for label in labels],
    )
    problem = ProblemRecord(external_id=problem_id, statement=statement, source=source)
    return ImportedRecord(problem=problem, solutions=[solution])


def parse_label(value: Any) -> bool:
    """True, 1 and + are correct; False, 0, -1 and - are errors."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip() in SIGNS:
        return SIGNS[value.strip()]
    if value in (1, 0, -1) and isinstance(value, int | float):
        return bool(value > 0)
    raise RecordError(f"A label is {str(value)[:40]!r}.", "Use true and false, 1 and 0, or + and -.")


def split_problem(text: str) -> tuple[str, str]:
    """The problem and the first step, where a text holds both."""
    match = FIRST_STEP.search(text)
    if match is None:
        raise RecordError(
            "The problem cannot be told from the first step.", 'Begin the first step with "Step 1:".'
        )
    return text[: match.start()], text[match.end() :]
