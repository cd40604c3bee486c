"""PURE: RLHFlow's process data: `conversations` in which a turn of the user is a step and the answer to it is
+ or -. The first turn holds the problem and the first step."""

from __future__ import annotations

from typing import Any

from app.exchange.field_parsers import Row
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.formats.stepwise import SIGNS, build_record, parse_label, split_problem
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord


class RlhflowFormat(RecordFormat):
    id = "rlhflow"
    label = "RLHFlow process data"
    reads = "`conversations`, a step and `+` or `-` in turn"
    keeps = "the labels as external labels"

    def detect(self, row: Row) -> bool:
        turns = _contents(row.get("conversations"))
        return bool(turns) and all(answer.strip() in SIGNS for answer in turns[1::2])

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        turns = _contents(row.get("conversations"))
        if not turns or len(turns) % 2:
            raise RecordError('The field "conversations" must hold a step and its label in turn.')
        statement, first = split_problem(turns[0])
        return build_record(
            self.id, statement, [first, *turns[2::2]], [parse_label(answer) for answer in turns[1::2]]
        )


def _contents(turns: Any) -> list[str]:
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return []
    contents = [turn.get("content") for turn in turns]
    return [text for text in contents if isinstance(text, str)] if all(contents) else []


FORMAT = RlhflowFormat()
