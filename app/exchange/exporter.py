"""PRM800K rows of a project's finished assignments: streamed from a server-side cursor, one
page of assignments at a time, so that memory stays flat however many there are."""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
import psycopg
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.exchange.patches import patched
from app.exchange.prm800k import Finished, row_of
from app.exchange.records import StepRecord
from app.labeling.models import FINISH_REASONS, KINDS

PAGE = 1000


@dataclass(frozen=True)
class Filters:
    """None: all. `generation` may hold the word none for PRM800K's phase 1."""

    generations: tuple[int | None, ...] | None = None
    kinds: tuple[str, ...] | None = None
    finish_reasons: tuple[str, ...] | None = None
    labelers: tuple[str, ...] | None = None
    """By email or uuid."""

    def described(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


def filters(
    generation: list[str] | None = None,
    kind: list[str] | None = None,
    finish_reason: list[str] | None = None,
    labeler: list[str] | None = None,
) -> Filters:
    """Filters as a person writes them; empty ones are none."""
    generations = [each.strip().lower() for each in generation or () if each.strip()]
    for name, given, allowed in (
        ("kind", kind, KINDS),
        ("finish reason", finish_reason, FINISH_REASONS),
    ):
        for each in given or ():
            if each and each not in allowed:
                raise Invalid(f"There is no {name} {each!r}.", remedy=f"Use one of: {', '.join(allowed)}.")
    try:
        numbers = tuple(None if each in ("none", "null") else int(each) for each in generations)
    except ValueError as error:
        raise Invalid(
            "A generation is a number, or none.", remedy="For instance 0, 1, -1 (screening) or none."
        ) from error
    if any(number is not None and abs(number) >= 2**31 for number in numbers):
        raise Invalid("There is no such generation.", remedy="Use a smaller number.")
    return Filters(
        generations=numbers or None,
        kinds=tuple(filter(None, kind or ())) or None,
        finish_reasons=tuple(filter(None, finish_reason or ())) or None,
        labelers=tuple(filter(None, labeler or ())) or None,
    )


def _where(chosen: Filters) -> tuple[str, dict[str, Any]]:
    parts = ["a.project_id = %(project)s", "a.state = 'submitted'"]
    values: dict[str, Any] = {}
    if chosen.generations is not None:
        parts.append("(t.generation = ANY(%(generations)s) OR (%(no_generation)s AND t.generation IS NULL))")
        values["generations"] = [each for each in chosen.generations if each is not None]
        values["no_generation"] = None in chosen.generations
    for column, name in (("t.kind", "kinds"), ("a.finish_reason", "finish_reasons")):
        if (wanted := getattr(chosen, name)) is not None:
            parts.append(f"{column} = ANY(%({name})s)")
            values[name] = list(wanted)
    if chosen.labelers is not None:
        parts.append("(lower(u.email) = ANY(%(labelers)s) OR u.uuid::text = ANY(%(labelers)s))")
        values["labelers"] = [each.lower() for each in chosen.labelers]
    return " AND ".join(parts), values


FROM = (
    " FROM assignment a JOIN task t ON t.id = a.task_id JOIN user_account u ON u.id = a.user_id"
    " JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id WHERE "
)
COLUMNS = (
    "SELECT a.id, u.uuid, a.submitted_at, t.generation, t.kind, p.statement, p.reference_answer,"
    " p.reference_solution, s.steps, s.final_answer, s.detail, t.reason, a.total_time_ms,"
    " a.finish_reason, a.origin, a.shown ->> 'mode'"
)
LABELS = """
    SELECT assignment_id, texts, ratings, flags, chosen, human_text, human_flagged
    FROM step_label WHERE assignment_id = ANY(%s) ORDER BY assignment_id, position
"""


def connection_of(db: Session) -> psycopg.Connection:
    found = db.connection().connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    return found


def count(db: Session, project_id: int, chosen: Filters) -> int:
    where, values = _where(chosen)
    joins = "" if chosen == Filters() else FROM
    found = connection_of(db).execute(
        ("SELECT count(*)" + (joins or " FROM assignment a WHERE ") + where),  # noqa: S608  parts are ours
        {**values, "project": project_id},
    )
    row = found.fetchone()
    return row[0] if row else 0


def rows(db: Session, project_id: int, chosen: Filters) -> Iterator[bytes]:
    """JSON lines, by assignment, of what was committed when the first one was read."""
    connection = connection_of(db)
    where, values = _where(chosen)
    query: Any = COLUMNS + FROM + where + " ORDER BY a.id"
    with connection.cursor(name="export") as cursor:
        cursor.itersize = PAGE
        cursor.execute(query, {**values, "project": project_id})
        while page := cursor.fetchmany(PAGE):
            yield _lines(connection, page)


def _lines(connection: psycopg.Connection, page: list[Any]) -> bytes:
    labels: dict[int, list[StepRecord]] = {row[0]: [] for row in page}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(LABELS, (list(labels),))
        for identity, *label in cursor:
            labels[identity].append(StepRecord(*label))
    return b"".join(orjson.dumps(_row(row, labels[row[0]])) + b"\n" for row in page)


def _row(row: Any, labels: list[StepRecord]) -> dict[str, Any]:
    origin = row[14] or {}
    done = Finished(
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
    return patched(row_of(done), origin)


def _verifier_score(detail: dict[str, Any], reason: dict[str, Any]) -> float | None:
    """What the file said; else the score the solution was queued for, which is kept as a logarithm."""
    if "pre_generated_verifier_score" in detail:
        said: float | None = detail["pre_generated_verifier_score"]
        return float(said) if said is not None and abs(said) > 2**53 else said  # jsonb writes 1e20 out
    score = reason.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool):
        return math.exp(score) if score <= 0 else float(score)
    return None


def used(db: Session, project_id: int) -> dict[str, list[Any]]:
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


def write(db: Session, project_id: int, chosen: Filters, to: IO[bytes], each: Any = None) -> Written:
    digest, total, lines = hashlib.sha256(), 0, 0
    for page in rows(db, project_id, chosen):
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
            written = write(db, project_id, chosen, out, each)
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
