"""Score histograms by verdict, and their bars.

A small pool is counted at once. For a large pool the worker counts all of it by split and verdict, and
the counts are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.jobs import enqueue
from app.explorer import pool_query
from app.explorer.pool_filter import PoolFilter, bind_values, build_conditions
from app.explorer.pool_query import SCAN_LIMIT

BINS = 20
COUNT_JOB = "explorer.count"
ROWS = ("correct", "incorrect", "unparseable", "ungraded")
TITLES = {name: name.capitalize() for name in ROWS}
BIN = "least(width_bucket(exp(greatest(w.log_score, -80)), 0, 1, 20), 20)"

COUNT = f"""
    SELECT p.split, coalesce(s.verdict, 'ungraded') AS verdict, {BIN} AS bin, count(*) AS solutions
    FROM score w {pool_query.JOINS}
    WHERE w.model_id = :model_id AND {{}} GROUP BY 1, 2, 3
"""  # noqa: S608  the parts are ours
STALE = text(
    """
    SELECT NOT EXISTS (
        SELECT 1 FROM score_histogram h WHERE h.model_id = :model_id AND h.at > now() - interval '1 hour'
          AND NOT EXISTS (SELECT 1 FROM scoring_run s JOIN run r ON r.id = s.run_id
            WHERE s.model_id = :model_id
            AND (r.finished_at > h.at OR (r.state = 'running' AND h.at < now() - interval '5 minutes'))))
    """
)
MANY = text("SELECT count(*) FROM (SELECT 1 FROM score WHERE model_id = :model_id LIMIT :limit) AS counted")


@dataclass(frozen=True)
class Histogram:
    rows: dict[str, list[int]]
    """By verdict: counts of BINS equal steps of the score from 0 to 1."""
    filtered: bool
    """Whether it counts the filtered solutions; else the model's whole pool."""
    computing: bool = False
    """Whether nothing is stored yet: a job counts."""

    @property
    def total(self) -> int:
        return sum(map(sum, self.rows.values()))

    @property
    def most(self) -> int:
        return max(map(max, self.rows.values()), default=0)


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class BarRow:
    verdict: str
    title: str
    total: int
    bars: list[Bar]
    above: int
    """Solutions with a score of 0.5 or more."""


WIDTH, HEIGHT, BAR = 1000, 90, 1000 / BINS


def draw_bars(histogram: Histogram) -> list[BarRow]:
    """A row for each verdict, each on its own scale: incorrect answers are many, convincing ones few."""
    return [_draw_row(verdict, counts) for verdict, counts in histogram.rows.items()]


def _draw_row(verdict: str, counts: list[int]) -> BarRow:
    highest = max(counts) or 1
    bars = []
    for number, count in enumerate(counts):
        height = max(2.0, HEIGHT * count / highest) if count else 0.0
        label = f"{number / BINS:.2f} to {(number + 1) / BINS:.2f}: {count:,} {verdict}"
        bars.append(Bar(number * BAR + 2, HEIGHT - height, BAR - 4, height, label))
    return BarRow(verdict, TITLES[verdict], sum(counts), bars, sum(counts[BINS // 2 :]))


def load_histogram(db: Session, project_id: int, pool_filter: PoolFilter) -> Histogram | None:
    """None without a model: then there are no scores."""
    if pool_filter.model_id is None:
        return None
    values = bind_values(project_id, pool_filter)
    if not is_large(db, pool_filter.model_id):
        return Histogram(_count(db, values, build_conditions(pool_filter)), True)
    if pool_filter.narrow_filter and (ids := pool_query.find_few_ids(db, pool_filter, values)) is not None:
        where = f"w.solution_id = ANY(:ids) AND {build_conditions(pool_filter)}"
        return Histogram(_count(db, values | {"ids": ids}, where), True)
    filtered = not pool_filter.narrow_filter
    return _load_stored(db, pool_filter.model_id, pool_filter if filtered else PoolFilter(), filtered)


def is_large(db: Session, model_id: int) -> bool:
    """Whether the model has too many scores to count during a request."""
    return (db.scalar(MANY, {"model_id": model_id, "limit": SCAN_LIMIT + 1}) or 0) > SCAN_LIMIT


def _count(db: Session, values: dict[str, Any], where: str) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for _, verdict, number, solutions in db.execute(text(COUNT.format(where)), values):
        rows.setdefault(verdict, [0] * BINS)[number - 1] += solutions
    return in_order(rows)


def _load_stored(db: Session, model_id: int, pool_filter: PoolFilter, filtered: bool) -> Histogram:
    """The stored counts, also where they are old: then a job counts again."""
    key = {"model_id": model_id}
    if db.scalar(STALE, key):
        enqueue(db, COUNT_JOB, once=f"{COUNT_JOB}-{model_id}", model_id=model_id)
    rows: dict[str, list[int]] = {}
    statement = text("SELECT split, verdict, bins FROM score_histogram WHERE model_id = :model_id")
    stored = db.execute(statement, key).all()
    for split, verdict, bins in stored:
        if pool_filter.split in ("", split) and pool_filter.verdict in ("", verdict):
            rows[verdict] = [a + b for a, b in zip(rows.get(verdict, [0] * BINS), bins, strict=True)]
    return Histogram(in_order(rows), filtered, computing=not stored)


def refresh_histogram(db: Session, model_id: int) -> None:
    """Count the model's whole pool and store the counts. Of several jobs at once, one counts."""
    key = {"model_id": model_id}
    db.execute(text("SELECT pg_advisory_xact_lock(hashtext('score_histogram'), CAST(:model_id AS int))"), key)
    if not db.scalar(STALE, key):
        return
    counted: dict[tuple[str, str], list[int]] = {}
    for split, verdict, number, solutions in db.execute(text(COUNT.format("true")), key):
        counted.setdefault((split, verdict), [0] * BINS)[number - 1] = solutions
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
