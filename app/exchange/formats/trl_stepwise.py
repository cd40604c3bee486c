"""PURE: TRL's stepwise supervision: `prompt`, `completions` (steps) and `labels` (true for a correct one)."""

from __future__ import annotations

from app.exchange.field_parsers import Row, parse_text, parse_texts
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.formats.stepwise import build_record, parse_label
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord


class TrlStepwiseFormat(RecordFormat):
    id = "trl-stepwise"
    label = "TRL stepwise supervision"
    reads = "`prompt`, `completions`, `labels`"
    keeps = "the labels as external labels; at most one for each step"

    def detect(self, row: Row) -> bool:
        return {"prompt", "completions", "labels"} <= set(row)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        steps, labels = parse_texts(row, "completions"), row.get("labels")
        if not isinstance(labels, list) or len(labels) > len(steps):
            raise RecordError('The field "labels" must be a list, at most one label for each step.')
        return build_record(self.id, parse_text(row, "prompt"), steps, list(map(parse_label, labels)))


FORMAT = TrlStepwiseFormat()
