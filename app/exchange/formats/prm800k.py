"""PURE: PRM800K rows as an import format; the row itself is in exchange/prm800k.py."""

from __future__ import annotations

from app.exchange.field_parsers import Row
from app.exchange.formats.base import ParseContext, RecordFormat, SplitGuess
from app.exchange.prm800k import parse_row
from app.exchange.records import ImportedRecord


class Prm800kFormat(RecordFormat):
    id = "prm800k"
    label = "PRM800K rows with their labels"
    reads = "`labeler`, `question`, `label`"
    keeps = (
        "labelers by UUID (they cannot sign in), tasks, submissions, step labels, alternatives,"
        " human-written steps"
    )
    has_labels = True
    fills_gaps = False
    """An exported row repeats what the imported row said, a missing answer included."""

    def default_split(self, filename: str) -> SplitGuess:
        return SplitGuess("train", "rows with labels are for training")

    def detect(self, row: Row) -> bool:
        return {"labeler", "question", "label"} <= set(row)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        return parse_row(row)


FORMAT = Prm800kFormat()
