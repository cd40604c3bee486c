"""TRL's stepwise supervision: `prompt`, `completions` (steps) and `labels` (true for a correct step).

people     one row for each submission with a rated step of the solution itself. The row ends at the first
           step that has no rating or is flagged.
external   one row for each label that came with a file. Without ratings, the steps up to the first error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.exchange.exports.base import BATCH, Columns, ExportParameters, Record, TableFormat

SELECT_ROWS = {
    "people": text(
        """
        SELECT p.split, p.statement, s.steps, array_agg(l.position ORDER BY l.position) AS positions,
            array_agg(l.rating ORDER BY l.position) AS ratings, NULL AS first_error
        FROM solution_step_label l JOIN assignment a ON a.id = l.assignment_id
        JOIN solution s ON s.id = l.solution_id JOIN problem p ON p.id = s.problem_id
        WHERE a.project_id = :project AND a.state = 'submitted'
        GROUP BY a.id, s.id, p.id ORDER BY a.id
        """
    ),
    "external": text(
        """
        SELECT p.split, p.statement, s.steps, NULL AS positions, e.ratings, e.first_error
        FROM external_label e JOIN solution s ON s.id = e.solution_id JOIN problem p ON p.id = s.problem_id
        WHERE s.project_id = :project ORDER BY s.id, e.source
        """
    ),
}


class TrlParameters(ExportParameters):
    source: Literal["people", "external"] = Field(
        "people", title="Labels from", description="people, or external: labels that came with a file."
    )
    neutral: Literal["correct", "error"] = Field(
        "correct", title="Neutral steps are", description="correct or error: the label of a neutral step."
    )


class TrlColumns(Columns):
    prompt: str
    """Statement of the problem."""
    completions: list[str]
    """The steps."""
    labels: list[bool]
    """Whether each step is correct."""


class TrlStepwise(TableFormat):
    id = "trl-stepwise"
    label = "TRL stepwise supervision"
    description = "Labels as `prompt`, `completions` and `labels`, the format of TRL's PRM trainer."
    columns = TrlColumns
    parameters = TrlParameters

    def records(self, db: Session, project_id: int, parameters: TrlParameters) -> Iterator[Record]:
        query = SELECT_ROWS[parameters.source].execution_options(yield_per=BATCH)
        for row in db.execute(query, {"project": project_id}):
            labels = _build_labels(row, neutral=parameters.neutral == "correct")
            if labels:
                line = {"prompt": row.statement, "completions": row.steps[: len(labels)], "labels": labels}
                yield Record(row.split, line)


def _build_labels(row: Any, *, neutral: bool) -> list[bool]:
    """The labels of the first steps, up to the first one without a rating."""
    labels: list[bool] = []
    if row.ratings is None:
        return [True] * len(row.steps) if row.first_error < 0 else [True] * row.first_error + [False]
    positions = range(len(row.ratings)) if row.positions is None else row.positions
    for position, rating in zip(positions, row.ratings, strict=True):
        if rating is None or position != len(labels):
            break
        labels.append(rating > 0 or (rating == 0 and neutral))
    return labels


FORMAT = TrlStepwise()
