"""PURE: sampled MATH solutions in the layout of Qwen2.5-Math's evaluation: `code` holds
several solutions a problem, `pred` their extracted answers, `score` the verdicts of the
grader used there, `pred_score` a reward model's scores."""

from __future__ import annotations

from typing import Any

from app.answers.extract import last_answer
from app.exchange.field_parsers import Row, check_step_count, parse_optional_text, parse_text, parse_texts
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id
from app.problems.segmentation import segment


def _solution(
    row: Row, problem: ProblemRecord, number: int, written: str, segmentation: str
) -> SolutionRecord:
    prediction, score = _at(row, "pred", number), _at(row, "score", number)
    if prediction is not None and not isinstance(prediction, str):
        raise RecordError('The field "pred" must be a list of texts.')
    verdict = {True: "correct", False: "incorrect"}.get(score) if isinstance(score, bool) else None
    detail: Row = {key: _at(row, key, number) for key in ("pred", "score", "pred_score") if key in row}
    return SolutionRecord(
        external_id=f"{problem.external_id}:{number}",
        steps=check_step_count(segment(written, segmentation)),
        final_answer=prediction or last_answer(written),
        file_verdict=verdict,
        detail=detail,
        free_text=written,
    )


def _at(row: Row, key: str, number: int) -> Any:
    values = row.get(key)
    return values[number] if isinstance(values, list) and number < len(values) else None


class MathCotFormat(RecordFormat):
    id = "math-cot"
    label = "MATH solutions, several per problem (Qwen2.5-Math evaluation)"
    reads = "`question`, `gt` and a list of solutions in `code`"
    keeps = "`pred` as the final answer, `score` as the verdict, `pred_score` in the detail"
    ask_segmentation = True
    segmentation = "blank"

    def detect(self, row: Row) -> bool:
        return "question" in row and isinstance(row.get("code"), list)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        statement = parse_text(row, "question")
        problem = ProblemRecord(
            external_id=build_statement_id("math-cot", statement),
            statement=statement,
            reference_answer=parse_optional_text(row, "gt") or parse_optional_text(row, "answer"),
            reference_solution=parse_optional_text(row, "solution") or parse_optional_text(row, "gt_cot"),
            subject=parse_optional_text(row, "subject") or parse_optional_text(row, "type"),
            level=parse_optional_text(row, "level"),
            source="math-cot",
        )
        written = parse_texts(row, "code")
        solutions = [
            _solution(row, problem, number, content, context.segmentation)
            for number, content in enumerate(written)
        ]
        return ImportedRecord(problem=problem, solutions=solutions)


FORMAT = MathCotFormat()
