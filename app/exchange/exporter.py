"""PRM800K rows of a project's finished assignments: streamed from a server-side cursor, one
page of assignments at a time, so that memory stays flat however many there are."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import orjson
import psycopg
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Invalid
from app.exchange.filters import Filters as Filters
from app.exchange.filters import build_where
from app.exchange.prm800k import Submission, build_row
from app.exchange.records import StepRecord
from app.exchange.row_patches import apply_patch
from app.labeling.control_tasks import LABEL_GENERATION
from app.projects.models import Project

PAGE_SIZE = 1000


FROM_SUBMISSIONS = (
    " FROM assignment a JOIN task t ON t.id = a.task_id JOIN user_account u ON u.id = a.user_id"
    " JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id WHERE "
)
SELECT_SUBMISSIONS = (
    f"SELECT a.id, u.uuid, a.submitted_at, {LABEL_GENERATION}, t.kind, p.statement, p.reference_answer,"
    " p.reference_solution, s.steps, s.final_answer, s.detail, t.reason, a.total_time_ms,"
    " a.finish_reason, a.origin, a.shown ->> 'mode'"
)
SELECT_STEP_LABELS = """
    SELECT assignment_id, texts, ratings, flags, chosen, human_text, human_flagged
    FROM step_label WHERE assignment_id = ANY(%s) ORDER BY assignment_id, position
"""
SELECT_NOTES = """
    SELECT assignment_id, position, candidate, text, at FROM (
        SELECT DISTINCT ON (assignment_id, position, candidate) *
        FROM step_note WHERE assignment_id = ANY(%s) ORDER BY assignment_id, position, candidate, id DESC
    ) newest WHERE text <> '' ORDER BY assignment_id, position, candidate
"""


def driver_connection(db: Session) -> psycopg.Connection:
    found = db.connection().connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    return found


def count_rows(db: Session, project_id: int, chosen: Filters) -> int:
    where, values = build_where(chosen)
    joins = "" if replace(chosen, notes=None) == Filters() else FROM_SUBMISSIONS
    found = driver_connection(db).execute(
        ("SELECT count(*)" + (joins or " FROM assignment a WHERE ") + where),  # noqa: S608  parts are ours
        {**values, "project": project_id},
    )
    row = found.fetchone()
    return row[0] if row else 0


def iter_pages(db: Session, project_id: int, chosen: Filters) -> Iterator[bytes]:
    """JSON lines, by assignment, of what was committed when the first one was read."""
    connection = driver_connection(db)
    where, values = build_where(chosen)
    query: Any = SELECT_SUBMISSIONS + FROM_SUBMISSIONS + where + " ORDER BY a.id"
    with connection.cursor(name="export") as cursor:
        cursor.itersize = PAGE_SIZE
        cursor.execute(query, {**values, "project": project_id})
        while page := cursor.fetchmany(PAGE_SIZE):
            yield _render_page(connection, page, notes=bool(chosen.notes))


def _render_page(connection: psycopg.Connection, page: list[Any], *, notes: bool) -> bytes:
    labels: dict[int, list[StepRecord]] = {row[0]: [] for row in page}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(SELECT_STEP_LABELS, (list(labels),))
        for identity, *label in cursor:
            labels[identity].append(StepRecord(*label))
    noted = _load_notes(connection, list(labels)) if notes else {}
    made = (_row(row, labels[row[0]]) | noted.get(row[0], {}) for row in page)
    return b"".join(orjson.dumps(row) + b"\n" for row in made)


def _load_notes(connection: psycopg.Connection, assignments: list[int]) -> dict[int, dict[str, Any]]:
    """What a row is given where its labeler left notes; the newest of a place, as in labeling/notes.py."""
    found: dict[int, dict[str, Any]] = {}
    for assignment, position, candidate, words, at in connection.execute(SELECT_NOTES, (assignments,)):
        note = {
            "position": position,
            "candidate": candidate,
            "text": words,
            "at": at.astimezone(dt.UTC).isoformat(),
        }
        found.setdefault(assignment, {"notes": []})["notes"].append(note)
    return found


def _row(row: Any, labels: list[StepRecord]) -> dict[str, Any]:
    origin = row[14] or {}
    done = Submission(
        labeler=row[1],
        submitted_at=row[2],
        generation=row[3],
        kind=row[4],
        statement=row[5],
        reference_answer=row[6],
        reference_solution=row[7],
        steps=row[8],
        final_answer=row[9],
        verifier_score=_verifier_score(row[10], row[11]),
        labels=labels,
        total_time_ms=row[12],
        finish_reason=row[13],
        phase=origin.get("phase", 1 if row[15] == "alternatives" else 2),
    )
    return apply_patch(build_row(done), origin)


def _verifier_score(detail: dict[str, Any], reason: dict[str, Any]) -> float | None:
    """What the file said; else the score the solution was queued for, which is kept as a logarithm."""
    if "pre_generated_verifier_score" in detail:
        said: float | None = detail["pre_generated_verifier_score"]
        return float(said) if said is not None and abs(said) > 2**53 else said  # jsonb writes 1e20 out
    score = reason.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool):
        return math.exp(score) if score <= 0 else float(score)
    return None


def record_export(
    db: Session, project: Project, action: str, filters: dict[str, Any], actor: User | None, rows: int
) -> None:
    """Note in the audit log who exported what. `actor` is None on the server's command line."""
    audit.record_event(
        db, actor, action, project.slug, {"rows": rows, "filters": filters}, project_id=project.id
    )


def list_filter_options(db: Session, project_id: int) -> dict[str, list[Any]]:
    """What there is to filter by."""
    generations = db.scalars(
        text("SELECT DISTINCT generation FROM task WHERE project_id = :project ORDER BY 1 NULLS FIRST"),
        {"project": project_id},
    )
    labelers = db.execute(
        text(
            "SELECT u.uuid::text,"
            " coalesce(nullif(u.name, ''), u.email, left(u.uuid::text, 8)) FROM user_account u"
            " WHERE EXISTS (SELECT 1 FROM assignment a WHERE a.user_id = u.id AND a.project_id = :project"
            " AND a.state = 'submitted') ORDER BY 2 LIMIT 200"
        ).bindparams(bindparam("project")),
        {"project": project_id},
    )
    return {"generations": list(generations), "labelers": [tuple(row) for row in labelers]}


@dataclass
class Written:
    rows: int
    bytes: int
    sha256: str


def write_rows(db: Session, project_id: int, chosen: Filters, to: IO[bytes], each: Any = None) -> Written:
    digest, total, lines = hashlib.sha256(), 0, 0
    for page in iter_pages(db, project_id, chosen):
        to.write(page)
        digest.update(page)
        total += len(page)
        lines += page.count(b"\n")
        if each:
            each(lines)
    return Written(lines, total, digest.hexdigest())


def write_file(db: Session, project_id: int, chosen: Filters, path: Path, each: Any = None) -> Written:
    """Whole or not at all: written beside it, then renamed over it."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise Invalid(f"There is no folder {folder}.", remedy="Make it first, or choose another.")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            written = write_rows(db, project_id, chosen, out, each)
            out.flush()
            os.fsync(out.fileno())
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(path)
        return written
    except BaseException:
        part.unlink(missing_ok=True)
        raise
