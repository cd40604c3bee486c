"""Adds what was missing when a record is imported again: the answer, the verdict or the labels of a solution,
or the reference answer of a problem. Existing values are never replaced. A format may opt out
(`ImportFormat.fills_gaps`)."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from app.exchange.copy_format import format_array
from app.exchange.records import ProblemRecord, SolutionRecord

ANSWERS = """
    UPDATE solution s SET final_answer = g.answer,
        verdict = CASE WHEN p.reference_answer IS NULL THEN s.verdict END
    FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS g (id, answer, digest), problem p
    WHERE s.id = g.id AND p.id = s.problem_id AND s.digest = g.digest AND s.final_answer IS NULL
    RETURNING s.id
"""
VERDICTS = """
    WITH added AS (
        INSERT INTO verdict (solution_id, source, verdict)
        SELECT g.id, %s, g.verdict
        FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS g (id, verdict, digest)
        JOIN solution s ON s.id = g.id AND s.digest = g.digest
        ON CONFLICT DO NOTHING RETURNING solution_id, verdict
    ), counted AS (
        UPDATE solution s SET verdict = a.verdict FROM added a, problem p
        WHERE s.id = a.solution_id AND p.id = s.problem_id
          AND (s.verdict = 'unparseable' OR (s.verdict IS NULL AND p.reference_answer IS NULL)
               OR (a.verdict <> 'unparseable' AND EXISTS (
                     SELECT FROM project pr WHERE pr.id = s.project_id AND pr.verdict_source = 'file')))
    )
    SELECT solution_id FROM added
"""
LABELS = """
    INSERT INTO external_label (solution_id, source, first_error, ratings)
    SELECT s.id, %s, g.first_error, g.ratings::smallint[]
    FROM unnest(%s::bigint[], %s::smallint[], %s::text[], %s::bytea[]) AS g (id, first_error, ratings, digest)
    JOIN solution s ON s.id = g.id AND s.digest = g.digest
    ON CONFLICT DO NOTHING RETURNING solution_id
"""
REFERENCES = """
    WITH filled AS (
        UPDATE problem p SET reference_answer = g.answer
        FROM unnest(%s::bigint[], %s::text[]) AS g (id, answer)
        WHERE p.id = g.id AND p.reference_answer IS NULL RETURNING p.id
    ), ungraded AS (
        UPDATE solution s SET verdict = NULL FROM filled f WHERE s.problem_id = f.id
    )
    SELECT id FROM filled
"""


def fill_solutions(
    connection: psycopg.Connection, source: str, existing: list[tuple[int, SolutionRecord]]
) -> set[str]:
    """External ids of the solutions that got an answer, a verdict or labels. `existing` pairs IDs of
    solutions with what the file says of them; a solution with other steps is left alone."""
    answers = [(key, r.final_answer, r.digest) for key, r in existing if r.final_answer is not None]
    verdicts = [(key, r.file_verdict, r.digest) for key, r in existing if r.file_verdict is not None]
    filled: set[int] = set()
    if answers:
        filled |= {row[0] for row in connection.execute(ANSWERS, _columns(answers))}
    if verdicts:
        filled |= {row[0] for row in connection.execute(VERDICTS, (source, *_columns(verdicts)))}
    filled |= _fill_labels(connection, source, existing)
    return {record.external_id for key, record in existing if key in filled}


def _fill_labels(
    connection: psycopg.Connection, source: str, existing: list[tuple[int, SolutionRecord]]
) -> set[int]:
    labels = [
        (
            key,
            r.first_error,
            None if r.external_ratings is None else format_array(r.external_ratings),
            r.digest,
        )
        for key, r in existing
        if r.has_external_label
    ]
    if not labels:
        return set()
    columns = tuple(map(list, zip(*labels, strict=True)))
    return {row[0] for row in connection.execute(LABELS, (source, *columns))}


def fill_references(connection: psycopg.Connection, existing: list[tuple[int, ProblemRecord]]) -> set[int]:
    """Ids of the problems that got a reference answer; their solutions are graded again."""
    answers = {key: record.reference_answer for key, record in existing if record.reference_answer}
    if not answers:
        return set()
    rows = connection.execute(REFERENCES, (list(answers), list(answers.values())))
    return {row[0] for row in rows}


def _columns(rows: Sequence[tuple[int, str, bytes]]) -> tuple[list[object], ...]:
    return tuple(map(list, zip(*rows, strict=True)))
