"""PURE: MATH problems as in MATH-500: `problem`, `solution`, `answer`, `subject`, `level`, `unique_id`."""

from __future__ import annotations

from app.exchange.field_parsers import Row, maybe_text, text
from app.exchange.records import Line, ProblemRecord

NAME = "MATH problems (MATH-500)"
ASK_SEGMENTATION = False
SEGMENTATION = "line"


def fits(row: Row) -> bool:
    return {"problem", "solution", "answer", "unique_id"} <= set(row)


def parse(row: Row, segmentation: str) -> Line:
    name = text(row, "unique_id")
    return Line(
        problem=ProblemRecord(
            external_id=f"math:{name}",
            statement=text(row, "problem"),
            reference_answer=maybe_text(row, "answer"),
            reference_solution=maybe_text(row, "solution"),
            subject=maybe_text(row, "subject"),
            level=maybe_text(row, "level"),
            split="test" if name.startswith("test/") else None,
            source="math",
        )
    )
