"""PURE: Math-Shepherd (Wang et al. 2024): `input` is the problem and its steps, each step ending with the tag
"ки"; `label` is the same text with + or - in place of the tag."""

from __future__ import annotations

from app.exchange.field_parsers import Row, parse_text
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.formats.stepwise import SIGNS, build_record, split_problem
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord

TAG = "ки"


class MathShepherdFormat(RecordFormat):
    id = "math-shepherd"
    label = "Math-Shepherd"
    reads = "`input`, `label`"
    keeps = "the labels as external labels"

    def detect(self, row: Row) -> bool:
        text = row.get("input")
        return isinstance(text, str) and TAG in text and isinstance(row.get("label"), str)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        pieces = parse_text(row, "input").split(TAG)
        labels = _read_labels(pieces, parse_text(row, "label"))
        if pieces[-1].strip():
            raise RecordError("The last step has no label.", f"End every step with {TAG}.")
        statement, first = split_problem(pieces[0])
        steps = [piece.strip() for piece in (first, *pieces[1:-1])]
        return build_record(self.id, statement, steps, labels)


def _read_labels(pieces: list[str], text: str) -> list[bool]:
    """The signs that stand in `text` behind each piece but the last."""
    labels, position = [], 0
    for piece in pieces[:-1]:
        position += len(piece)
        sign = text[position : position + 1]
        if not text.startswith(piece, position - len(piece)) or sign not in SIGNS:
            raise RecordError('The fields "input" and "label" are not the same text.')
        labels.append(SIGNS[sign])
        position += 1
    return labels


FORMAT = MathShepherdFormat()
