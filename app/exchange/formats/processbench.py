"""PURE: ProcessBench (Zheng et al. 2024): a JSON array of model solutions with the first
error according to people (`label`, -1 for none) and whether the final answer is correct.

The file has no reference answer, so the grader does not apply: the solution's verdict
is the file's. The first error is an external label, never shown to a labeler."""

from __future__ import annotations

from app.answers.extract import answer_of_steps
from app.exchange.field_parsers import (
    Row,
    parse_bool,
    parse_int,
    parse_optional_text,
    parse_text,
    parse_texts,
)
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id


class ProcessBenchFormat(RecordFormat):
    id = "processbench"
    label = "ProcessBench"
    reads = "`problem`, `steps`, `final_answer_correct`, `label`"
    keeps = (
        "`final_answer_correct` as the verdict, `label` as the first error. The records have no reference"
        " answer, so the [grader](answers.md) does not grade them and the verdict of the file counts"
    )

    def detect(self, row: Row) -> bool:
        return {"problem", "steps", "final_answer_correct", "label"} <= set(row)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        statement, steps = parse_text(row, "problem"), parse_texts(row, "steps")
        first = parse_int(row, "label", -1, len(steps) - 1)
        if first is None:
            raise RecordError('The field "label" must be the position of the first error, or -1.')
        return ImportedRecord(
            problem=ProblemRecord(
                external_id=build_statement_id("processbench", statement),
                statement=statement,
                source=f"processbench {parse_text(row, 'id').rsplit('-', 1)[0]}",
            ),
            solutions=[
                SolutionRecord(
                    external_id=f"processbench:{parse_text(row, 'id')}",
                    steps=steps,
                    generator=parse_optional_text(row, "generator") or "",
                    final_answer=answer_of_steps(steps),
                    file_verdict="correct" if parse_bool(row, "final_answer_correct") else "incorrect",
                    first_error=first,
                )
            ],
        )


FORMAT = ProcessBenchFormat()
