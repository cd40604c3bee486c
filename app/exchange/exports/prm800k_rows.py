"""PRM800K rows of a project's submissions, one page of submissions at a time from a server-side cursor."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import class_row
from pydantic import Field, field_validator
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.display_name import display_name_sql
from app.exchange.driver import driver_connection
from app.exchange.exports.base import ExportParameters, Options
from app.exchange.prm800k import Submission, build_row
from app.exchange.records import StepRecord
from app.exchange.row_patches import apply_patch
from app.labeling.control_tasks import LABEL_GENERATION
from app.modes import get_mode

PAGE_SIZE = 1000
MAX_LABELERS_OFFERED = 200
Generation = Annotated[int, Field(gt=-(2**31), lt=2**31)] | Literal["none"]

FROM_SUBMISSIONS = (
    " FROM assignment a JOIN task t ON t.id = a.task_id JOIN user_account u ON u.id = a.user_id"
    " JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id WHERE "
)
TOTAL_TIME = (
    "CASE WHEN a.external_id IS NULL THEN coalesce(a.total_time_ms, a.active_time_ms, 0)"
    " ELSE a.total_time_ms END"
)
"""In PRM800K it is always a number. A submission without a total time has its active time. An imported row
is exported as it was imported."""
SELECT_SUBMISSIONS = (
    f"SELECT a.id, u.uuid AS labeler, a.submitted_at, {LABEL_GENERATION} AS generation, t.kind, p.statement,"
    " p.reference_answer, p.reference_solution, s.steps, s.final_answer, s.detail, t.reason,"
    f" {TOTAL_TIME} AS total_time_ms, a.finish_reason, a.import_origin AS origin, a.mode"
)
SELECT_STEP_LABELS = """
    SELECT assignment_id, texts, ratings, flags, chosen, human_text, human_flagged
    FROM step_label WHERE assignment_id = ANY(%s) ORDER BY assignment_id, position
"""
SELECT_NOTES = """
    SELECT assignment_id, position, candidate, text, created_at AS at FROM (
        SELECT DISTINCT ON (assignment_id, position, candidate) *
        FROM step_note WHERE assignment_id = ANY(%s) ORDER BY assignment_id, position, candidate, id DESC
    ) newest WHERE text <> '' ORDER BY assignment_id, position, candidate
"""


class Prm800kParameters(ExportParameters):
    """Which submissions. An empty list means all."""

    generation: list[Generation] = Field(
        [], title="Generation", description="Only this generation: a number, or none."
    )
    kind: list[Literal["regular", "gold", "screening"]] = Field(
        [], title="Task kind", description="regular, gold or screening."
    )
    finish_reason: list[Literal["solution", "found_error", "bad_problem", "give_up"]] = Field(
        [], title="Finish reason", description="solution, found_error, bad_problem or give_up."
    )
    labeler: list[str] = Field(
        [], title="Labeler", description="Only this labeler: an email address or UUID."
    )
    notes: bool = Field(
        False, title="Include notes", description='Add the notes of labelers, in a field "notes".'
    )

    @field_validator("generation", mode="before")
    @classmethod
    def normalize_generation(cls, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        cleaned = [item.strip().lower() if isinstance(item, str) else item for item in values]
        return ["none" if item in ("null", None) else item for item in cleaned]


@dataclass(slots=True)
class SubmissionRow:
    """One row of SELECT_SUBMISSIONS."""

    id: int
    labeler: UUID
    submitted_at: dt.datetime
    generation: int | None
    kind: str
    statement: str
    reference_answer: str | None
    reference_solution: str | None
    steps: list[str]
    final_answer: str | None
    detail: dict[str, Any]
    reason: dict[str, Any]
    total_time_ms: int | None
    finish_reason: str
    origin: dict[str, Any] | None
    mode: str | None

    def to_json(self, labels: list[StepRecord]) -> dict[str, Any]:
        origin = self.origin or {}
        submission = Submission(
            labeler=self.labeler,
            submitted_at=self.submitted_at,
            generation=self.generation,
            kind=self.kind,
            statement=self.statement,
            reference_answer=self.reference_answer,
            reference_solution=self.reference_solution,
            steps=self.steps,
            final_answer=self.final_answer,
            verifier_score=_verifier_score(self.detail, self.reason),
            labels=labels,
            total_time_ms=self.total_time_ms,
            finish_reason=self.finish_reason,
            phase=origin.get("phase", get_mode(self.mode).phase if self.mode else 2),
        )
        return apply_patch(build_row(submission), origin)


class Prm800kRows:
    id = "prm800k"
    label = "PRM800K rows"
    description = "Submissions as PRM800K rows. Leave a filter empty to include all."
    unit = "row"
    parameters = Prm800kParameters

    def count(self, db: Session, project_id: int, parameters: Prm800kParameters) -> int:
        where, values = build_where(parameters)
        joins = FROM_SUBMISSIONS if "t." in where or "u." in where else " FROM assignment a WHERE "
        row = (
            driver_connection(db)
            .execute(
                "SELECT count(*)" + joins + where,
                {**values, "project": project_id},
            )
            .fetchone()
        )
        return row[0] if row else 0

    def rows(self, db: Session, project_id: int, parameters: Prm800kParameters) -> Iterator[bytes]:
        """By assignment, of what was committed when the first row was read."""
        connection = driver_connection(db)
        where, values = build_where(parameters)
        query: Any = SELECT_SUBMISSIONS + FROM_SUBMISSIONS + where + " ORDER BY a.id"
        with connection.cursor(name="export", row_factory=class_row(SubmissionRow)) as cursor:
            cursor.itersize = PAGE_SIZE
            cursor.execute(query, {**values, "project": project_id})
            while page := cursor.fetchmany(PAGE_SIZE):
                yield _render_page(connection, page, notes=parameters.notes)

    def options(self, db: Session, project_id: int) -> Options:
        generations = db.scalars(
            text("SELECT DISTINCT generation FROM task WHERE project_id = :project ORDER BY 1 NULLS FIRST"),
            {"project": project_id},
        )
        labelers = db.execute(
            text(
                f"SELECT u.uuid::text, {display_name_sql('u')} FROM user_account u"  # noqa: S608  ours
                " WHERE EXISTS (SELECT 1 FROM assignment a WHERE a.user_id = u.id"
                " AND a.project_id = :project AND a.state = 'submitted') ORDER BY 2 LIMIT :limit"
            ),
            {"project": project_id, "limit": MAX_LABELERS_OFFERED},
        )
        return {
            "generation": [_describe_generation(number) for number in generations],
            "labeler": [(uuid, name) for uuid, name in labelers],
        }


def build_where(parameters: Prm800kParameters) -> tuple[str, dict[str, Any]]:
    parts = ["a.project_id = %(project)s", "a.state = 'submitted'"]
    values: dict[str, Any] = {}
    if parameters.generation:
        match = "= ANY(%(generations)s) OR (%(no_generation)s AND t.generation IS NULL)"
        parts.append(f"({LABEL_GENERATION} {match})")
        values["generations"] = [number for number in parameters.generation if number != "none"]
        values["no_generation"] = "none" in parameters.generation
    if parameters.kind:
        parts.append("t.kind = ANY(%(kinds)s)")
        values["kinds"] = list(parameters.kind)
    if parameters.finish_reason:
        parts.append("a.finish_reason = ANY(%(finish_reasons)s)")
        values["finish_reasons"] = list(parameters.finish_reason)
    if parameters.labeler:
        parts.append("(lower(u.email) = ANY(%(labelers)s) OR u.uuid::text = ANY(%(labelers)s))")
        values["labelers"] = [labeler.lower() for labeler in parameters.labeler]
    return " AND ".join(parts), values


def _describe_generation(number: int | None) -> tuple[str, str]:
    if number is None:
        return "none", "none (phase 1)"
    return str(number), "-1 (screening)" if number == -1 else str(number)


def _render_page(connection: psycopg.Connection, page: list[SubmissionRow], *, notes: bool) -> bytes:
    labels: dict[int, list[StepRecord]] = {row.id: [] for row in page}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(SELECT_STEP_LABELS, (list(labels),))
        for assignment_id, *label in cursor:
            labels[assignment_id].append(StepRecord(*label))
    noted = _load_notes(connection, list(labels)) if notes else {}
    rows = (row.to_json(labels[row.id]) | noted.get(row.id, {}) for row in page)
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _load_notes(connection: psycopg.Connection, assignments: list[int]) -> dict[int, dict[str, Any]]:
    """The notes on the steps of each assignment: the newest of a step, as in labeling/notes.py."""
    noted: dict[int, dict[str, Any]] = {}
    for assignment, position, candidate, content, at in connection.execute(SELECT_NOTES, (assignments,)):
        note = {
            "position": position,
            "candidate": candidate,
            "text": content,
            "at": at.astimezone(dt.UTC).isoformat(),
        }
        noted.setdefault(assignment, {"notes": []})["notes"].append(note)
    return noted


def _verifier_score(detail: dict[str, Any], reason: dict[str, Any]) -> float | None:
    """The score in the file, or else the score the solution was queued for, which is a logarithm."""
    if "pre_generated_verifier_score" in detail:
        score: float | None = detail["pre_generated_verifier_score"]
        return float(score) if score is not None and abs(score) > 2**53 else score  # jsonb writes 1e20 out
    score = reason.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool):
        return math.exp(score) if score <= 0 else float(score)
    return None


FORMAT = Prm800kRows()
