"""PURE: ProcessBench (Zheng et al. 2024): a JSON array of model solutions with the first
wrong step as people found it (`label`, -1 for none) and whether the final answer was right.

The file has no reference answer, so our grader has nothing to say: the solution's verdict
is the file's. The first error is an outside label, never shown to a labeler."""

from __future__ import annotations

from app.answers.extract import last_answer
from app.exchange.field_parsers import Row, maybe_text, text, texts, truth, whole
from app.exchange.json_decoding import BadLine
from app.exchange.records import Line, ProblemRecord, SolutionRecord, name_of_statement

NAME = "ProcessBench"
ASK_SEGMENTATION = False
SEGMENTATION = "line"


def fits(row: Row) -> bool:
    return {"problem", "steps", "final_answer_correct", "label"} <= set(row)


def parse(row: Row, segmentation: str) -> Line:
    statement, steps = text(row, "problem"), texts(row, "steps")
    first = whole(row, "label", -1, len(steps) - 1)
    if first is None:
        raise BadLine('The field "label" must be the position of the first wrong step, or -1.')
    return Line(
        problem=ProblemRecord(
            external_id=name_of_statement("processbench", statement),
            statement=statement,
            source=f"processbench {text(row, 'id').rsplit('-', 1)[0]}",
        ),
        solutions=[
            SolutionRecord(
                external_id=f"processbench:{text(row, 'id')}",
                steps=steps,
                generator=maybe_text(row, "generator") or "",
                final_answer=last_answer("\n".join(steps[-2:])),
                file_verdict="right" if truth(row, "final_answer_correct") else "wrong",
                first_error=first,
            )
        ],
    )
