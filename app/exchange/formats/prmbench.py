"""PURE: PRMBench (Song et al. 2025): a solution into which errors were put (`modified_process`), with the
numbers of the wrong steps (`error_steps`, counted from 1)."""

from __future__ import annotations

from app.exchange.field_parsers import Row, parse_optional_text, parse_text, parse_texts
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.formats.stepwise import build_record
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord


class PrmBenchFormat(RecordFormat):
    id = "prmbench"
    label = "PRMBench"
    reads = "`modified_question`, `modified_process`, `error_steps`"
    keeps = "the error steps as external labels of all steps"

    def detect(self, row: Row) -> bool:
        return {"modified_question", "modified_process", "error_steps"} <= set(row)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        steps = parse_texts(row, "modified_process")
        errors = row.get("error_steps")
        if not isinstance(errors, list) or not all(
            type(number) is int and 1 <= number <= len(steps) for number in errors
        ):
            raise RecordError(f'The field "error_steps" must list numbers from 1 to {len(steps)}.')
        labels = [number not in errors for number in range(1, len(steps) + 1)]
        record = build_record(self.id, parse_text(row, "modified_question"), steps, labels)
        kind = parse_optional_text(row, "classification")
        record.solutions[0].detail = {"idx": row.get("idx"), "classification": kind}
        return record


FORMAT = PrmBenchFormat()
