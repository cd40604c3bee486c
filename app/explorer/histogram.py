"""How many solutions have which score, by verdict: exact where they are few enough to count while
one waits, or where they were counted before and kept (whole pool, by split and verdict)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.jobs import enqueue
from app.explorer import pool_query
from app.explorer.pool_query import SCAN_LIMIT, PoolFilter

BINS = 20
COUNT_JOB = "explorer.count"
ROWS = ("correct", "incorrect", "unparseable", "ungraded")
TITLES = {
    "correct": "correct",
    "incorrect": "incorrect",
    "unparseable": "not parseable",
    "ungraded": "not graded",
}
BIN = "least(width_bucket(exp(greatest({}log_score, -80)), 0, 1, 20), 20)"

COUNT = f"""
    SELECT p.split, coalesce(s.verdict, 'ungraded') AS verdict, {BIN.format("w.")} AS bin, count(*) AS found
    FROM score w {pool_query.JOINS}
    WHERE w.model_id = :model_id AND {{}} GROUP BY 1, 2, 3
"""  # noqa: S608  the parts are ours
STALE = text(
    """
    SELECT NOT EXISTS (
        SELECT 1 FROM score_histogram h WHERE h.model_id = :model_id AND h.at > now() - interval '1 hour'
          AND NOT EXISTS (SELECT 1 FROM scoring_run r WHERE r.model_id = :model_id
            AND (r.finished_at > h.at OR (r.state = 'running' AND h.at < now() - interval '5 minutes'))))
    """
)
MANY = text("SELECT count(*) FROM (SELECT 1 FROM score WHERE model_id = :model_id LIMIT :limit) AS counted")


@dataclass(frozen=True)
class Histogram:
    rows: dict[str, list[int]]
    """By verdict: counts of BINS equal steps of the score from 0 to 1."""
    filtered: bool
    """Whether it is of the solutions asked for; else of the model's whole pool."""
    computing: bool = False
    """Whether none is kept yet: a job counts it."""

    @property
    def total(self) -> int:
        return sum(map(sum, self.rows.values()))

    @property
    def most(self) -> int:
        return max(map(max, self.rows.values()), default=0)


def load_histogram(db: Session, project_id: int, wanted: PoolFilter) -> Histogram | None:
    """None without a model: then there are no scores."""
    if wanted.model_id is None:
        return None
    values = pool_query.bind_values(project_id, wanted)
    if not is_large(db, wanted.model_id):
        return Histogram(_count(db, values, pool_query.build_conditions(wanted)), True)
    if wanted.narrow_filter and (ids := pool_query.find_few_ids(db, wanted, values)) is not None:
        where = f"w.solution_id = ANY(:ids) AND {pool_query.build_conditions(wanted)}"
        return Histogram(_count(db, values | {"ids": ids}, where), True)
    filtered = not wanted.narrow_filter
    return _kept(db, wanted.model_id, wanted if filtered else PoolFilter(), filtered)


def is_large(db: Session, model_id: int) -> bool:
    """Whether the model's solutions are too many to count while one waits."""
    return (db.scalar(MANY, {"model_id": model_id, "limit": SCAN_LIMIT + 1}) or 0) > SCAN_LIMIT


def _count(db: Session, values: dict[str, Any], where: str) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for _, verdict, place, found in db.execute(text(COUNT.format(where)), values):
        rows.setdefault(verdict, [0] * BINS)[place - 1] += found
    return in_order(rows)


def _kept(db: Session, model_id: int, wanted: PoolFilter, filtered: bool) -> Histogram:
    """What was counted last, also where it is old: a job counts it anew."""
    key = {"model_id": model_id}
    if db.scalar(STALE, key):
        enqueue(db, COUNT_JOB, once=f"{COUNT_JOB}-{model_id}", model_id=model_id)
    rows: dict[str, list[int]] = {}
    chosen = text("SELECT split, verdict, bins FROM score_histogram WHERE model_id = :model_id")
    kept = db.execute(chosen, key).all()
    for split, verdict, bins in kept:
        if wanted.split in ("", split) and wanted.verdict in ("", verdict):
            rows[verdict] = [a + b for a, b in zip(rows.get(verdict, [0] * BINS), bins, strict=True)]
    return Histogram(in_order(rows), filtered, computing=not kept)


def refresh_histogram(db: Session, model_id: int) -> None:
    """Count the model's whole pool and keep it; of several who come at once, one counts."""
    key = {"model_id": model_id}
    db.execute(text("SELECT pg_advisory_xact_lock(hashtext('score_histogram'), CAST(:model_id AS int))"), key)
    if not db.scalar(STALE, key):
        return
    counted: dict[tuple[str, str], list[int]] = {}
    for split, verdict, place, found in db.execute(text(COUNT.format("true")), key):
        counted.setdefault((split, verdict), [0] * BINS)[place - 1] = found
    db.execute(text("DELETE FROM score_histogram WHERE model_id = :model_id"), key)
    for (split, verdict), bins in counted.items():
        row = {**key, "split": split, "verdict": verdict, "bins": bins}
        db.execute(
            text(
                "INSERT INTO score_histogram (model_id, split, verdict, bins, at)"
                " VALUES (:model_id, :split, :verdict, :bins, clock_timestamp())"
            ),
            row,
        )


def in_order(rows: dict[str, list[int]]) -> dict[str, list[int]]:
    return {verdict: rows[verdict] for verdict in ROWS if verdict in rows}
