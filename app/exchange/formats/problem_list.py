"""PURE: problems with their answers or worked solutions: `problem` or `question`, `answer` or `solution`, as
in MATH (Hendrycks et al. 2021) and in most benchmark files."""

from __future__ import annotations

from typing import Any

from app.answers.extract import last_answer
from app.exchange.field_parsers import Row, parse_text
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.mapped_values import SPLITS, WORKED_MARKS, read_split
from app.exchange.records import ImportedRecord, ProblemRecord, build_statement_id

STATEMENTS = ("problem", "question", "statement", "prompt")
ANSWERS = ("answer", "reference_answer", "final_answer", "ground_truth", "gt", "expected_answer")
SOLUTIONS = ("solution", "reference_solution", "gt_cot")
OTHERS = {
    "id", "idx", "index", "unique_id", "uuid", "_key", "url", "link", "year", "number", "split", "source",
    "data_source", "dataset", "subject", "type", "category", "topic", "level", "difficulty", "subfield",
    "field", "language", "is_multiple_answer", "unit", "answer_type", "error", "question_type", "context",
}  # fmt: skip


class ProblemListFormat(RecordFormat):
    id = "problem-list"
    label = "Problems with answers or worked solutions"
    reads = "`problem` or `question`; `answer`, or a `solution` that ends with it; `level`, `type`"
    keeps = "problems; `split` as the split"

    def detect(self, row: Row) -> bool:
        statements = [key for key in STATEMENTS if isinstance(row.get(key), str)]
        results = [key for key in (*ANSWERS, *SOLUTIONS) if _read_value(row, key) is not None]
        others = set(row) - set(STATEMENTS) - set(ANSWERS) - set(SOLUTIONS) - OTHERS
        return len(statements) == 1 and bool(results) and not others

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        statement = parse_text(row, next((key for key in STATEMENTS if row.get(key)), STATEMENTS[0]))
        solution = next((value for key in SOLUTIONS if (value := _read_value(row, key))), None)
        answer = next((value for key in ANSWERS if (value := _read_value(row, key)) is not None), None)
        if answer and any(mark in answer for mark in WORKED_MARKS) and (result := last_answer(answer)):
            answer, solution = result, solution or answer
        if answer is None and solution is not None:
            answer = last_answer(solution)
        if answer is None and solution is None:
            raise RecordError("It has neither an answer nor a solution.", "Name its field in a mapping.")
        return ImportedRecord(
            problem=ProblemRecord(
                external_id=build_statement_id(self.id, statement),
                statement=statement,
                reference_answer=answer,
                reference_solution=solution,
                subject=_read_first(row, "subject", "type", "category", "topic", "subfield"),
                level=_read_first(row, "level", "difficulty"),
                split=read_split(row["split"]) if str(row.get("split")).lower() in SPLITS else None,
                source=_read_first(row, "source", "data_source", "dataset") or "",
            )
        )


def _read_value(row: Row, key: str) -> str | None:
    """A text, a number, or the single one of a list."""
    value: Any = row.get(key)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    return str(value)


def _read_first(row: Row, *keys: str) -> str | None:
    values = (row.get(key) for key in keys)
    return next(
        (str(value) for value in values if isinstance(value, str | int | float) and value != ""), None
    )


FORMAT = ProblemListFormat()
