"""PURE: MATH problems as in MATH-500: `problem`, `solution`, `answer`, `subject`, `level`, `unique_id`."""

from __future__ import annotations

from app.exchange.field_parsers import Row, parse_optional_text, parse_text
from app.exchange.records import ImportedRecord, ProblemRecord

NAME = "MATH problems (MATH-500)"
ASK_SEGMENTATION = False
SEGMENTATION = "line"


def fits(row: Row) -> bool:
    return {"problem", "solution", "answer", "unique_id"} <= set(row)


def parse(row: Row, segmentation: str) -> ImportedRecord:
    name = parse_text(row, "unique_id")
    return ImportedRecord(
        problem=ProblemRecord(
            external_id=f"math:{name}",
            statement=parse_text(row, "problem"),
            reference_answer=parse_optional_text(row, "answer"),
            reference_solution=parse_optional_text(row, "solution"),
            subject=parse_optional_text(row, "subject"),
            level=parse_optional_text(row, "level"),
            split="test" if name.startswith("test/") else None,
            source="math",
        )
    )
