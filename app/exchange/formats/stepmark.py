"""PURE: Stepmark's own JSON Lines, one problem or solution a line (docs/formats.md)."""

from __future__ import annotations

from app.exchange import alternative_parser
from app.exchange.field_parsers import (
    Row,
    enough,
    maybe_text,
    nested,
    one_of,
    text,
    texts,
    whole,
)
from app.exchange.json_decoding import BadLine
from app.exchange.records import Line, ProblemRecord, SolutionRecord, name_of_statement
from app.problems.models import SPLITS, VERDICTS
from app.problems.segmentation import segment

NAME = "Stepmark JSON Lines"
ASK_SEGMENTATION = True
SEGMENTATION = "line"


def fits(row: Row) -> bool:
    return row.get("kind") in ("problem", "solution")


def parse(row: Row, segmentation: str) -> Line:
    kind = one_of(row, "kind", ("problem", "solution"))
    return Line(problem=problem(row)) if kind == "problem" else solution(row, segmentation)


def problem(row: Row) -> ProblemRecord:
    statement = text(row, "statement")
    return ProblemRecord(
        external_id=maybe_text(row, "id") or name_of_statement("stepmark", statement),
        statement=statement,
        reference_answer=maybe_text(row, "answer"),
        reference_solution=maybe_text(row, "solution"),
        subject=maybe_text(row, "subject"),
        level=maybe_text(row, "level"),
        split=one_of(row, "split", SPLITS) if row.get("split") is not None else None,
        source=maybe_text(row, "source") or "",
    )


def solution(row: Row, segmentation: str) -> Line:
    steps = texts(row, "steps") if "steps" in row else enough(segment(text(row, "text"), segmentation))
    outside = nested(row, "outside") if row.get("outside") is not None else {}
    first = whole(outside, "first_error", -1, len(steps) - 1)
    ratings = outside.get("ratings")
    if ratings is not None and (
        not isinstance(ratings, list)
        or len(ratings) > len(steps)
        or not all(type(each) is int and -1 <= each <= 1 for each in ratings)
    ):
        raise BadLine('"outside.ratings" must be a list of -1, 0, 1, at most one a step.')
    detail = nested(row, "detail") if row.get("detail") is not None else {}
    made = SolutionRecord(
        external_id=text(row, "id"),
        steps=steps,
        generator=maybe_text(row, "generator") or "",
        final_answer=maybe_text(row, "answer"),
        detail=detail,
        file_verdict=one_of(row, "verdict", VERDICTS) if row.get("verdict") is not None else None,
        first_error=first,
        outside_ratings=ratings,
        alternatives=alternative_parser.told(row.get("alternatives"), len(steps)),
    )
    if isinstance(row.get("problem"), dict):
        return Line(problem=problem(row["problem"]), solutions=[made])
    return Line(problem_id=text(row, "problem"), solutions=[made])
