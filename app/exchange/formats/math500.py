"""PURE: MATH problems as in MATH-500: `problem`, `solution`, `answer`, `subject`, `level`, `unique_id`."""

from __future__ import annotations

from app.exchange.field_parsers import Row, parse_optional_text, parse_text
from app.exchange.formats.base import ParseContext, RecordFormat, SplitGuess
from app.exchange.records import ImportedRecord, ProblemRecord


def _split_of(name: str) -> str | None:
    """MATH names its problems by split, as in test/algebra/2584.json."""
    prefix = name.partition("/")[0]
    return prefix if prefix in ("train", "test") else None


class MathFormat(RecordFormat):
    id = "math"
    label = "MATH problems (MATH-500)"
    reads = "`problem`, `solution`, `answer`, `subject`, `level`, `unique_id`"
    keeps = "`unique_id` as the identifier, and its first part as the split unless you name one"

    def default_split(self, filename: str) -> SplitGuess:
        return SplitGuess("test", "MATH-500 is the test split of its paper")

    def detect(self, row: Row) -> bool:
        return {"problem", "solution", "answer", "unique_id"} <= set(row)

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        name = parse_text(row, "unique_id")
        return ImportedRecord(
            problem=ProblemRecord(
                external_id=f"math:{name}",
                statement=parse_text(row, "problem"),
                reference_answer=parse_optional_text(row, "answer"),
                reference_solution=parse_optional_text(row, "solution"),
                subject=parse_optional_text(row, "subject"),
                level=parse_optional_text(row, "level"),
                split=None if context.split_requested else _split_of(name),
                source="math",
            )
        )


FORMAT = MathFormat()
