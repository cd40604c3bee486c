"""One row per labeled step: what each labeler, each adjudication and each imported label says of it.

people        each candidate of each labeled position of a submission, and a step that the labeler wrote
adjudication  each step of the solution up to the first negative one, or to the last
external      the same of a label that came with a file; its source is `file:` and the format"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from sqlalchemy.orm import Session

from app.exchange.exports.base import Columns, ExportParameters, Record, TableFormat, count_rows, iter_records

Source = Literal["people", "adjudication", "external"]


class StepColumns(Columns):
    problem_id: str
    """Identifier of the problem, as it was imported."""
    solution_id: str
    """Identifier of the solution, as it was imported."""
    submission: int | None
    """Number of the submission, one labeler's work on one solution. Null unless the source is people."""
    position: int
    """The step, counted from 0."""
    candidate: int
    """The completion in the label of this position, counted from 0."""
    text: str
    rating: int | None
    """1, 0 or -1. Null if the step has no rating."""
    flagged: bool
    """The labeler could not tell."""
    chosen: bool
    """The labeler continued with this completion."""
    written: bool
    """The labeler wrote this step."""
    source: str
    """people, adjudication, or file: and the format of the import."""
    labeler: str | None
    """UUID of the labeler or adjudicator, the same in every export."""
    adjudicated: bool
    """The solution has an adjudication, which takes precedence in snapshots."""
    kind: str | None
    """regular, gold or screening."""
    generation: int | None
    finish_reason: str | None
    submitted_at: dt.datetime | None
    total_time_ms: int | None
    """Time from start to submission, of the whole solution."""
    active_time_ms: int | None
    """Active time, of the whole solution."""
    step_time_ms: int | None
    """Active time of the ratings of this completion."""
    generator: str
    split: str


class StepParameters(ExportParameters):
    source: list[Source] = Field(
        [], title="Labels from", description="people, adjudication or external: labels that came with a file."
    )


PEOPLE = """
SELECT p.external_id AS problem_id, s.external_id AS solution_id, a.id AS submission, l.position,
    c.candidate, c.text, c.rating, c.flagged, c.chosen, c.written, 'people' AS source,
    u.uuid::text AS labeler,
    EXISTS (SELECT FROM adjudication d WHERE d.solution_id = s.id) AS adjudicated, t.kind, t.generation,
    a.finish_reason, a.submitted_at, a.total_time_ms, a.active_time_ms,
    (SELECT sum(e.active_ms) FROM rating_event e WHERE e.assignment_id = a.id AND e.position = l.position
        AND e.candidate = c.candidate AND NOT c.written) AS step_time_ms,
    s.generator, p.split
FROM assignment a JOIN task t ON t.id = a.task_id JOIN user_account u ON u.id = a.user_id
JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
JOIN step_label l ON l.assignment_id = a.id
CROSS JOIN LATERAL (
    SELECT (n.ordinality - 1)::int AS candidate, n.text, n.rating, coalesce(n.flagged, false) AS flagged,
        n.ordinality - 1 IS NOT DISTINCT FROM l.chosen AS chosen, false AS written
    FROM unnest(coalesce(l.texts, ARRAY[s.steps[l.position + 1]]), l.ratings, l.flags)
        WITH ORDINALITY AS n(text, rating, flagged, ordinality)
    WHERE l.ratings IS NOT NULL
    UNION ALL
    SELECT coalesce(cardinality(l.ratings), 0), l.human_text, NULL, coalesce(l.human_flagged, false),
        l.chosen IS NULL, true
    WHERE l.human_text IS NOT NULL
) c
WHERE a.project_id = :project AND a.state = 'submitted'
"""
_RATED_STEPS = """
SELECT p.external_id AS problem_id, s.external_id AS solution_id, NULL::bigint AS submission,
    (n.ordinality - 1)::int AS position, 0 AS candidate, s.steps[n.ordinality] AS text, n.rating,
    false AS flagged, true AS chosen, false AS written, {source} AS source, {labeler} AS labeler,
    EXISTS (SELECT FROM adjudication d WHERE d.solution_id = s.id) AS adjudicated, NULL::text AS kind,
    NULL::int AS generation, NULL::text AS finish_reason, {at} AS submitted_at, NULL::int AS total_time_ms,
    NULL::int AS active_time_ms, NULL::bigint AS step_time_ms, s.generator, p.split
"""
_FROM_RATINGS = """
JOIN solution s ON s.id = r.solution_id JOIN problem p ON p.id = s.problem_id
CROSS JOIN LATERAL unnest({ratings}) WITH ORDINALITY AS n(rating, ordinality)
WHERE p.project_id = :project AND n.ordinality <= cardinality(s.steps)
"""
_ADJUDICATED = _RATED_STEPS.format(source="'adjudication'", labeler="u.uuid::text", at="r.created_at")
ADJUDICATION = (
    f"{_ADJUDICATED} FROM adjudication r JOIN user_account u ON u.id = r.decided_by"
    + _FROM_RATINGS.format(ratings="r.ratings")
)
_UP_TO_FIRST_ERROR = """coalesce(r.ratings::int[],
    array_fill(1, ARRAY[
        CASE WHEN r.first_error < 0 THEN cardinality(s.steps) ELSE coalesce(r.first_error, 0) END])
    || CASE WHEN r.first_error >= 0 THEN ARRAY[-1] ELSE '{}'::int[] END)"""
_IMPORTED = _RATED_STEPS.format(source="r.source", labeler="NULL::text", at="NULL::timestamptz")
EXTERNAL = f"{_IMPORTED} FROM external_label r" + _FROM_RATINGS.format(ratings=_UP_TO_FIRST_ERROR)
QUERIES: dict[Source, tuple[str, str]] = {
    "people": (PEOPLE, "a.id, l.position, c.candidate"),
    "adjudication": (ADJUDICATION, "r.id, n.ordinality"),
    "external": (EXTERNAL, "s.id, r.source, n.ordinality"),
}


class StepRows(TableFormat):
    id = "steps"
    label = "Step labels"
    description = "One row per labeled step, with labeler, times, generation and source."
    columns = StepColumns
    parameters = StepParameters

    def records(self, db: Session, project_id: int, parameters: StepParameters) -> Iterator[Record]:
        for source in parameters.source or QUERIES:
            query, order = QUERIES[source]
            yield from iter_records(db, self.columns, f"{query} ORDER BY {order}", {"project": project_id})

    def count(
        self, db: Session, project_id: int, parameters: StepParameters, limit: int | None = None
    ) -> int:
        values = {"project": project_id}
        queries = [QUERIES[source][0] for source in parameters.source or QUERIES]
        return sum(count_rows(db, query, values, limit) for query in queries)


FORMAT = StepRows()
