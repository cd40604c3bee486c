"""The step probabilities of the project's models, one row per step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exchange.exports.base import (
    Columns,
    ExportParameters,
    Options,
    Record,
    TableFormat,
    count_rows,
    iter_records,
)  # fmt: skip
from app.training.models import Model

MAX_MODELS_OFFERED = 200


class ScoreColumns(Columns):
    model: str
    """Name of the model."""
    model_hash: str
    """SHA-256 of its weights."""
    problem_id: str
    solution_id: str
    generator: str
    verdict: str | None
    """correct, incorrect or unparseable. Null if the final answer is not graded."""
    position: int
    """The step, counted from 0."""
    text: str
    p_negative: float
    p_neutral: float
    p_positive: float
    solution_log_score: float
    """Natural logarithm of the solution score."""
    split: str


class ScoreParameters(ExportParameters):
    model: list[str] = Field([], title="Model", description="Only this model: a name or an ID.")


SELECT = """
SELECT m.name AS model, encode(m.weights_hash, 'hex') AS model_hash, p.external_id AS problem_id,
    s.external_id AS solution_id, s.generator, s.verdict, n.position, s.steps[n.position + 1] AS text,
    c.step_probs[3 * n.position + 1] AS p_negative, c.step_probs[3 * n.position + 2] AS p_neutral,
    c.step_probs[3 * n.position + 3] AS p_positive, c.log_score AS solution_log_score, p.split
FROM score c JOIN model m ON m.id = c.model_id JOIN solution s ON s.id = c.solution_id
JOIN problem p ON p.id = s.problem_id
CROSS JOIN LATERAL generate_series(0, cardinality(c.step_probs) / 3 - 1) AS n(position)
WHERE m.project_id = :project
    AND (:every OR m.name = ANY(CAST(:models AS text[])) OR m.id::text = ANY(CAST(:models AS text[])))
"""


class ScoreRows(TableFormat):
    id = "scores"
    label = "Scores"
    description = "One row per scored step, with the probabilities that a model gives it."
    columns = ScoreColumns
    parameters = ScoreParameters

    def records(self, db: Session, project_id: int, parameters: ScoreParameters) -> Iterator[Record]:
        query = f"{SELECT} ORDER BY m.id, s.id, n.position"
        yield from iter_records(db, self.columns, query, _build_values(project_id, parameters))

    def count(
        self, db: Session, project_id: int, parameters: ScoreParameters, limit: int | None = None
    ) -> int:
        return count_rows(db, SELECT, _build_values(project_id, parameters), limit)

    def options(self, db: Session, project_id: int) -> Options:
        query = select(Model.id, Model.name).where(Model.project_id == project_id).order_by(Model.id.desc())
        return {"model": [(str(key), name) for key, name in db.execute(query.limit(MAX_MODELS_OFFERED))]}


def _build_values(project_id: int, parameters: ScoreParameters) -> dict[str, Any]:
    return {"project": project_id, "models": list(parameters.model), "every": not parameters.model}


FORMAT = ScoreRows()
