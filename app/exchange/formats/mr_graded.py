"""PURE: sets graded by people in the form of MR-GSM8K (Zeng et al. 2023), MR-MATH (Xia et al. 2024) and
Mr-Ben (Zeng et al. 2024): the steps of a model and the number of the first wrong step, counted from 1."""

from __future__ import annotations

import re
from typing import Any

from app.answers.extract import answer_of_steps
from app.exchange.field_mapping import FieldMapping
from app.exchange.field_parsers import Row, check_step_count, parse_optional_text, parse_text
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.mapped_values import read_position, read_verdict
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id
from app.problems.segmentation import is_visible_text, segment

NUMBERED = re.compile(r"\s*Step\s+(\d+)\b", re.I)
POSITIONS = FieldMapping(problem="question", steps="steps", count_from=1)
FIRST_ERROR = ("model_output_solution_first_error_step", "model_solution_first_error_step")
STEPS = ("model_output_step_format", "model_output_steps", "model_solution_steps", "model_output")


class MrGradedFormat(RecordFormat):
    id = "mr-graded"
    label = "Graded solutions (MR-GSM8K, MR-MATH, Mr-Ben)"
    reads = "`question`, the steps of a model, `model_output_solution_first_error_step`"
    keeps = "the first error as an external label, the correctness of the answer as the verdict"

    def detect(self, row: Row) -> bool:
        names = {key.lower() for key in row}
        return "question" in names and bool(names & set(FIRST_ERROR)) and bool(names & set(STEPS))

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        fields = {key.lower(): value for key, value in row.items()}
        statement = _read_statement(fields)
        steps = _read_steps(fields)
        name = parse_optional_text(fields, "uuid") or parse_optional_text(fields, "_key")
        problem_id = build_statement_id(self.id, statement)
        solution = SolutionRecord(
            external_id=f"{self.id}:{name or problem_id}",
            steps=steps,
            generator=parse_optional_text(fields, "sampled_model") or "",
            final_answer=answer_of_steps(steps),
            file_verdict=read_verdict(fields.get("model_output_answer_correctness"), POSITIONS),
            first_error=_read_first_error(fields, steps),
        )
        problem = ProblemRecord(
            external_id=problem_id,
            statement=statement,
            reference_answer=parse_optional_text(fields, "ground_truth_answer")
            or parse_optional_text(fields, "ground_truth_answer_modified"),
            reference_solution=parse_optional_text(fields, "ground_truth_solution"),
            subject=parse_optional_text(fields, "subject"),
            source=self.id,
        )
        return ImportedRecord(problem=problem, solutions=[solution])


def _read_statement(fields: Row) -> str:
    options = parse_optional_text(fields, "options")
    statement = parse_text(fields, "question")
    return f"{statement}\n{options}" if options else statement


def _read_steps(fields: Row) -> list[str]:
    written: Any = next((fields[name] for name in STEPS if fields.get(name)), None)
    if isinstance(written, str):
        written = segment(written, "numbered") if "Step 1" in written else segment(written, "line")
    steps = [step[0] if isinstance(step, list) and len(step) == 1 else step for step in written or ()]
    if not steps or not all(isinstance(step, str) and is_visible_text(step) for step in steps):
        raise RecordError("It has no step, or an empty one.", "Give at least one, none of them empty.")
    return check_step_count(steps)


def _read_first_error(fields: Row, steps: list[str]) -> int | None:
    """The position of the step with the stated number; where steps carry no numbers, of the n-th."""
    value = next((fields[name] for name in FIRST_ERROR if name in fields), None)
    if value is None or value == "":
        return None
    numbers = [int(match[1]) if (match := NUMBERED.match(step)) else None for step in steps]
    if str(value).strip().isdecimal() and int(value) in numbers:
        return numbers.index(int(value))
    position = read_position(value, POSITIONS)
    if position is not None and position >= len(steps):
        raise RecordError(f"The first error is step {value}, behind the last of {len(steps)} steps.")
    return position


FORMAT = MrGradedFormat()
