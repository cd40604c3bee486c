"""PURE: GSM8K's example model solutions: four generators per problem, each with a
solution (one step per line, the answer behind `A:`) and whether the answer is correct."""

from __future__ import annotations

from app.answers.extract import last_answer
from app.exchange.field_parsers import Row, check_step_count, parse_bool, parse_text
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.formats.gsm8k import gsm8k_problem
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, SolutionRecord
from app.problems.segmentation import segment, without_calculator


def _generators(row: Row) -> list[str]:
    return [key for key, value in row.items() if isinstance(value, dict) and "solution" in value]


def _solution(problem: str, generator: str, row: Row, segmentation: str) -> SolutionRecord:
    written = parse_text(row, "solution")
    free_text = without_calculator(written)
    steps = check_step_count(segment(free_text, segmentation))
    if not steps:
        raise RecordError(f"The solution of {generator} has no text.")
    return SolutionRecord(
        external_id=f"{problem}:{generator}",
        steps=steps,
        generator=generator,
        final_answer=last_answer(written),
        free_text=free_text,
        file_verdict="correct" if parse_bool(row, "is_correct") else "incorrect",
    )


class Gsm8kSolutionsFormat(RecordFormat):
    id = "gsm8k-solutions"
    label = "GSM8K example model solutions"
    reads = (
        "`question`, `ground_truth` and an object of `solution` and `is_correct` for each of four generators"
    )
    keeps = "`is_correct` as the verdict of `file:gsm8k-solutions`"
    ask_segmentation = True

    def detect(self, row: Row) -> bool:
        return "question" in row and "ground_truth" in row and bool(_generators(row))

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        problem = gsm8k_problem(parse_text(row, "question"), parse_text(row, "ground_truth"))
        generators = _generators(row)
        if not generators:
            raise RecordError("It has no solution: no field is an object with solution and is_correct.")
        return ImportedRecord(
            problem=problem,
            solutions=[
                _solution(problem.external_id, name, row[name], context.segmentation) for name in generators
            ],
        )


FORMAT = Gsm8kSolutionsFormat()
