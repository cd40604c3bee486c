"""PURE: GSM8K problems (Cobbe et al. 2021): `question`, `answer` with the worked solution
and the final answer behind `####`. Problems have no identifier: equal statements are one problem."""

from __future__ import annotations

from app.answers.extract import gsm8k_answer
from app.exchange.field_parsers import Row, parse_text
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.records import ImportedRecord, ProblemRecord, build_statement_id
from app.problems.segmentation import without_calculator


def gsm8k_problem(question: str, worked: str) -> ProblemRecord:
    return ProblemRecord(
        external_id=build_statement_id("gsm8k", question),
        statement=question,
        reference_answer=gsm8k_answer(worked),
        reference_solution=without_calculator(worked),
        source="gsm8k",
    )


class Gsm8kFormat(RecordFormat):
    id = "gsm8k"
    label = "GSM8K problems"
    reads = "`question`, `answer`"
    keeps = "the reference answer behind `####`"

    def detect(self, row: Row) -> bool:
        return set(row) == {"question", "answer"}

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        return ImportedRecord(problem=gsm8k_problem(parse_text(row, "question"), parse_text(row, "answer")))


FORMAT = Gsm8kFormat()
