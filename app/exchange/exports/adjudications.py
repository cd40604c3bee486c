"""Decisions of adjudicators on disputed solutions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sqlalchemy.orm import Session

from app.exchange.exports.base import Columns, ExportParameters, Record, TableFormat, count_rows, iter_records


class AdjudicationColumns(Columns):
    problem_id: str
    problem: str
    """Statement of the problem."""
    solution_id: str
    steps: list[str]
    ratings: list[int]
    """1, 0 or -1 for each step up to the first negative one, or to the last."""
    first_error: int
    """Position of the first negative step, from 0, or -1 for none."""
    reason: str
    adjudicator: str
    """UUID of the adjudicator."""
    exposure: str
    """What the adjudicator knew of the labels: none, own, page, reveal or unknown."""
    submissions: int
    """Submissions on the solution."""
    at: dt.datetime
    split: str


SELECT = """
SELECT p.external_id AS problem_id, p.statement AS problem, s.external_id AS solution_id, s.steps, d.ratings,
    coalesce(array_position(d.ratings, -1::smallint), 0) - 1 AS first_error, d.reason,
    u.uuid::text AS adjudicator, d.exposure, d.created_at AS at, p.split,
    (SELECT count(*) FROM assignment a JOIN task t ON t.id = a.task_id
        WHERE t.solution_id = s.id AND a.state = 'submitted') AS submissions
FROM adjudication d JOIN user_account u ON u.id = d.decided_by JOIN solution s ON s.id = d.solution_id
JOIN problem p ON p.id = s.problem_id
WHERE d.project_id = :project
"""


class AdjudicationRows(TableFormat):
    id = "adjudications"
    label = "Adjudications"
    description = "One row per adjudicated solution, with the ratings that the adjudicator decided on."
    unit = "adjudication"
    columns = AdjudicationColumns

    def records(self, db: Session, project_id: int, parameters: ExportParameters) -> Iterator[Record]:
        yield from iter_records(db, self.columns, f"{SELECT} ORDER BY d.id", {"project": project_id})

    def count(
        self, db: Session, project_id: int, parameters: ExportParameters, limit: int | None = None
    ) -> int:
        return count_rows(db, SELECT, {"project": project_id}, limit)


FORMAT = AdjudicationRows()
