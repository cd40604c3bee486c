"""PURE: Stepmark's own JSON Lines, one problem or solution a line (docs/formats.md)."""

from __future__ import annotations

from app.answers.extract import answer_of_steps, last_answer
from app.exchange import alternative_parser
from app.exchange.field_parsers import (
    Row,
    check_step_count,
    parse_choice,
    parse_int,
    parse_object,
    parse_optional_text,
    parse_text,
    parse_texts,
)
from app.exchange.formats.base import ParseContext, RecordFormat
from app.exchange.json_decoding import RecordError
from app.exchange.records import ImportedRecord, ProblemRecord, SolutionRecord, build_statement_id
from app.problems.models import OLD_VERDICTS, SPLITS, VERDICTS
from app.problems.segmentation import segment
from app.problems.step_kinds import STEP_KINDS


def problem(row: Row) -> ProblemRecord:
    statement = parse_text(row, "statement")
    return ProblemRecord(
        external_id=parse_optional_text(row, "id") or build_statement_id("stepmark", statement),
        statement=statement,
        reference_answer=parse_optional_text(row, "answer"),
        reference_solution=parse_optional_text(row, "solution"),
        subject=parse_optional_text(row, "subject"),
        level=parse_optional_text(row, "level"),
        split=parse_choice(row, "split", SPLITS) if row.get("split") is not None else None,
        source=parse_optional_text(row, "source") or "",
    )


def parse_verdict(row: Row) -> str | None:
    """The verdict in the file. Files written by earlier versions say right and wrong."""
    verdict = row.get("verdict")
    if verdict is None:
        return None
    if isinstance(verdict, str) and verdict in OLD_VERDICTS:
        return OLD_VERDICTS[verdict]
    return parse_choice(row, "verdict", VERDICTS)


def solution(row: Row, segmentation: str) -> ImportedRecord:
    free_text = None if "steps" in row else parse_text(row, "text")
    steps = (
        parse_texts(row, "steps") if free_text is None else check_step_count(segment(free_text, segmentation))
    )
    name = "external" if row.get("external") is not None else "outside"  # its name in earlier versions
    external = parse_object(row, name) if row.get(name) is not None else {}
    first = parse_int(external, "first_error", -1, len(steps) - 1)
    ratings = external.get("ratings")
    if ratings is not None and (
        not isinstance(ratings, list)
        or len(ratings) > len(steps)
        or not all(type(rating) is int and -1 <= rating <= 1 for rating in ratings)
    ):
        raise RecordError(f'"{name}.ratings" must be a list of -1, 0 and 1, at most one for each step.')
    detail = parse_object(row, "detail") if row.get("detail") is not None else {}
    record = SolutionRecord(
        external_id=parse_text(row, "id"),
        steps=steps,
        free_text=free_text,
        step_kinds=parse_step_kinds(row, len(steps)),
        generator=parse_optional_text(row, "generator") or "",
        final_answer=parse_optional_text(row, "answer") or _find_answer(row, steps),
        detail=detail,
        file_verdict=parse_verdict(row),
        first_error=first,
        external_ratings=ratings,
        alternatives=alternative_parser.parse_alternatives(row.get("alternatives"), len(steps)),
    )
    if isinstance(row.get("problem"), dict):
        return ImportedRecord(problem=problem(row["problem"]), solutions=[record])
    return ImportedRecord(problem_id=parse_text(row, "problem"), solutions=[record])


def parse_step_kinds(row: Row, count: int) -> list[int] | None:
    kinds = row.get("step_kinds")
    if kinds is None:
        return None
    if not isinstance(kinds, list) or len(kinds) != count or not all(kind in STEP_KINDS for kind in kinds):
        raise RecordError(
            f'"step_kinds" must be a list of {count} kinds, one for each step.',
            f"Use {', '.join(STEP_KINDS)}.",
        )
    return [STEP_KINDS[kind] for kind in kinds]


def _find_answer(row: Row, steps: list[str]) -> str | None:
    """The final answer as the solution states it."""
    return answer_of_steps(steps) if "steps" in row else last_answer(parse_text(row, "text"))


class StepmarkFormat(RecordFormat):
    id = "stepmark"
    label = "Stepmark JSON Lines"
    reads = "`kind` is `problem` or `solution`; see [Stepmark's own format](#stepmarks-own-format)"
    keeps = "everything"
    ask_segmentation = True

    def detect(self, row: Row) -> bool:
        return row.get("kind") in ("problem", "solution")

    def parse(self, row: Row, context: ParseContext) -> ImportedRecord:
        kind = parse_choice(row, "kind", ("problem", "solution"))
        return (
            ImportedRecord(problem=problem(row)) if kind == "problem" else solution(row, context.segmentation)
        )


FORMAT = StepmarkFormat()
