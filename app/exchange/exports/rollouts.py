"""Rollouts from each step: how many there are, and how many reached the correct answer."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from app.exchange.exports.base import Columns, ExportParameters, Record, TableFormat, count_rows, iter_records


class RolloutColumns(Columns):
    problem_id: str
    solution_id: str
    position: int
    """The last step before the rollouts, counted from 0."""
    text: str
    generator: str
    """Name of the generator that continued the solution."""
    rollouts: int
    correct: int
    """Rollouts with a correct final answer."""
    unparseable: int
    """Rollouts without a readable final answer."""
    value: float
    """Share of correct rollouts."""
    split: str


SELECT = """
SELECT p.external_id AS problem_id, s.external_id AS solution_id, r.position,
    s.steps[r.position + 1] AS text, g.name AS generator,
    r.rollout_count AS rollouts, r.correct_count AS correct, r.unparseable,
    r.correct_count / r.rollout_count::double precision AS value, p.split
FROM rollout r JOIN generator g ON g.id = r.generator_id JOIN solution s ON s.id = r.solution_id
JOIN problem p ON p.id = s.problem_id
WHERE p.project_id = :project
"""


class RolloutRows(TableFormat):
    id = "rollouts"
    label = "Rollouts"
    description = "One row per step with rollouts, with the number of correct ones."
    columns = RolloutColumns

    def records(self, db: Session, project_id: int, parameters: ExportParameters) -> Iterator[Record]:
        query = f"{SELECT} ORDER BY s.id, g.id, r.position"
        yield from iter_records(db, self.columns, query, {"project": project_id})

    def count(
        self, db: Session, project_id: int, parameters: ExportParameters, limit: int | None = None
    ) -> int:
        return count_rows(db, SELECT, {"project": project_id}, limit)


FORMAT = RolloutRows()
