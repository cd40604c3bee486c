# ruff: noqa: S608  the parts of the statements are constants of this file; values are bound
"""Pages of a pool of a million scored solutions.

A page is read by key from the index of scores, never by OFFSET. Filters that few solutions match are
turned into their ids first. Other filters are checked along the order of scores, at most SCAN_LIMIT
solutions a page; a page with few matches tells how far it scanned, and the next page continues there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.explorer.pool_filter import (
    LABELED,
    PROBLEM_MATCHES,
    QUEUED,
    PoolFilter,
    bind_values,
    build_conditions,
    problem_conditions,
)

PAGE = 50
SCAN_LIMIT = 20_000
"""Solutions a page scans for matches."""


@dataclass(frozen=True)
class PageCursor:
    """The last solution of a page; the next page starts after it."""

    solution_id: int
    log_score: float | None

    def __str__(self) -> str:
        return f"{self.solution_id}" if self.log_score is None else f"{self.solution_id}:{self.log_score!r}"

    @classmethod
    def parse(cls, text: str) -> PageCursor | None:
        """None for anything that is not a cursor."""
        first, _, score = text.partition(":")
        try:
            cursor = cls(int(first), float(score) if score else None)
        except ValueError:
            return None
        score_fits = cursor.log_score is None or -1e30 < cursor.log_score <= 0
        return cursor if 0 <= cursor.solution_id < 2**62 and score_fits else None


@dataclass(frozen=True)
class Page:
    ids: list[int]
    next_cursor: PageCursor | None
    scanned: int | None
    """Solutions scanned, where the page ended for that; None when it is full or complete."""


def load_page(db: Session, project_id: int, pool_filter: PoolFilter, start: PageCursor | None = None) -> Page:
    values = {**bind_values(project_id, pool_filter), **_cursor_values(start)}
    values["ids"] = ids = find_few_ids(db, pool_filter, values)
    window = _window(pool_filter, start, ids)
    rows = db.execute(
        text(
            f"SELECT w.solution_id, w.log_score FROM ({window} LIMIT {SCAN_LIMIT}) w {ONE_BY_ONE}"
            f" WHERE {build_conditions(pool_filter)}"
            f" ORDER BY {_order(pool_filter, 'w.')} LIMIT {PAGE + 1}"
        ),
        values,
    ).all()
    page_ids = [row.solution_id for row in rows[:PAGE]]
    if len(rows) > PAGE:
        last = rows[PAGE - 1]
        return Page(page_ids, PageCursor(last.solution_id, last.log_score), None)
    end = db.execute(text(f"{window} OFFSET {SCAN_LIMIT - 1} LIMIT 1"), values).one_or_none()
    if end is None:
        return Page(page_ids, None, None)
    return Page(page_ids, PageCursor(end.solution_id, end.log_score), SCAN_LIMIT)


JOINS = "JOIN solution s ON s.id = w.solution_id JOIN problem p ON p.id = s.problem_id"
ONE_BY_ONE = (
    "CROSS JOIN LATERAL (SELECT * FROM solution WHERE id = w.solution_id OFFSET 0) s"
    " CROSS JOIN LATERAL (SELECT * FROM problem WHERE id = s.problem_id OFFSET 0) p"
)
"""The same, in the order of the window and no further than the page is full. Without OFFSET 0, which
keeps the parts separate, the planner would rather search the steps of the whole table."""


def find_few_ids(db: Session, pool_filter: PoolFilter, values: dict[str, Any]) -> list[int] | None:
    """Ids of the solutions that match one part of the filter (some twice), if these are no more than
    SCAN_LIMIT; else None."""
    for statement in _narrow_statements(pool_filter):
        ids = list(db.scalars(text(f"{statement} LIMIT {SCAN_LIMIT + 1}"), values))
        if len(ids) <= SCAN_LIMIT:
            return ids
    return None


def _narrow_statements(pool_filter: PoolFilter) -> Iterator[str]:
    of_problems = "SELECT s.id FROM problem p JOIN solution s ON s.problem_id = p.id"
    if pool_filter.generation is not None:
        yield f"SELECT DISTINCT t.solution_id FROM task t WHERE {QUEUED}"
    if pool_filter.labeled == "yes":
        yield (
            f"SELECT DISTINCT t.solution_id FROM assignment a JOIN task t ON t.id = a.task_id WHERE {LABELED}"
        )
    if pool_filter.searches_problems:
        yield (
            "SELECT s.id FROM solution s WHERE s.project_id = :project_id AND s.external_id = :query"
            f" UNION ALL {of_problems} WHERE p.project_id = :project_id AND {PROBLEM_MATCHES}"
        )
    if conditions := problem_conditions(pool_filter):
        yield f"{of_problems} WHERE p.project_id = :project_id AND {' AND '.join(conditions)}"


def _order(pool_filter: PoolFilter, table: str = "") -> str:
    if pool_filter.model_id is None:
        return f"{table}solution_id"
    if pool_filter.sort == "lowest":
        return f"{table}log_score, {table}solution_id DESC"
    return f"{table}log_score DESC, {table}solution_id"


def _window(pool_filter: PoolFilter, start: PageCursor | None, ids: list[int] | None) -> str:
    """Ids and scores in order after `start`, without a limit."""
    if pool_filter.model_id is None:
        only = " AND id = ANY(:ids)" if ids is not None else ""
        return (
            "SELECT id AS solution_id, NULL::real AS log_score FROM solution WHERE project_id = :project_id"
            f" AND id > :start_id{only} ORDER BY solution_id"
        )
    parts = ["model_id = :model_id", "log_score BETWEEN CAST(:least AS real) AND CAST(:most AS real)"]
    if ids is not None:
        parts.append("solution_id = ANY(:ids)")
    if start is not None and start.log_score is not None:
        side, id_side = ("<", ">") if pool_filter.sort != "lowest" else (">", "<")
        parts.append(
            f"log_score {side}= CAST(:start_score AS real) AND (log_score {side} CAST(:start_score AS real)"
            f" OR solution_id {id_side} :start_id)"
        )
    where = " AND ".join(parts)
    return f"SELECT solution_id, log_score FROM score WHERE {where} ORDER BY {_order(pool_filter)}"


def _cursor_values(start: PageCursor | None) -> dict[str, Any]:
    return {
        "start_id": start.solution_id if start else -1,
        "start_score": start.log_score if start else None,
    }
