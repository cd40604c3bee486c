"""What each source says of the final answer of a solution."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sqlalchemy.orm import Session

from app.exchange.exports.base import Columns, ExportParameters, Record, TableFormat, count_rows, iter_records


class VerdictColumns(Columns):
    problem_id: str
    solution_id: str
    generator: str
    final_answer: str | None
    reference_answer: str | None
    source: str
    """grader, or file: and the format of the import."""
    verdict: str
    """correct, incorrect or unparseable, according to this source."""
    solution_verdict: str | None
    """The verdict that counts for the solution."""
    version: str
    """Version of the grader."""
    at: dt.datetime
    split: str


SELECT = """
SELECT p.external_id AS problem_id, s.external_id AS solution_id, s.generator, s.final_answer,
    p.reference_answer, v.source, v.verdict, s.verdict AS solution_verdict, v.version, v.at, p.split
FROM verdict v JOIN solution s ON s.id = v.solution_id JOIN problem p ON p.id = s.problem_id
WHERE p.project_id = :project
"""


class VerdictRows(TableFormat):
    id = "verdicts"
    label = "Verdicts"
    description = "One row per verdict on a final answer, with its source."
    columns = VerdictColumns

    def records(self, db: Session, project_id: int, parameters: ExportParameters) -> Iterator[Record]:
        query = f"{SELECT} ORDER BY s.id, v.source"
        yield from iter_records(db, self.columns, query, {"project": project_id})

    def count(
        self, db: Session, project_id: int, parameters: ExportParameters, limit: int | None = None
    ) -> int:
        return count_rows(db, SELECT, {"project": project_id}, limit)


FORMAT = VerdictRows()
