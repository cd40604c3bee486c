# ruff: noqa: S608  the parts of the statements are this file's own; what is asked for is bound
"""Looking through a pool of a million scored solutions.

A page is read by key from the index of scores, never by OFFSET. Filters that few solutions pass are
turned into their ids first; the others are checked along the order of scores, at most LOOK
solutions a page: a page that found little says how far it looked and goes on from there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

PAGE = 50
SCAN_LIMIT = 20_000
"""Solutions a page looks at."""
LEAST = -80.0
"""Log of a score that is shown as 0."""

PROBLEM_WORDS = (
    "(to_tsvector('simple'::regconfig, \"left\"(p.statement, 20000))"
    " @@ websearch_to_tsquery('simple'::regconfig, :words)"
    " OR p.external_id = :words OR s.external_id = :words)"
)
STEP_WORDS = "array_to_string(s.steps, chr(10)) ILIKE :pattern"
QUEUED = "t.project_id = :project_id AND t.generation = :generation AND t.withdrawn_at IS NULL"
LABELED = "a.project_id = :project_id AND a.state = 'submitted'"


@dataclass(frozen=True)
class PoolFilter:
    model_id: int | None = None
    words: str = ""
    inside: str = "problem"
    """Where the words are looked for: the problem's statement and the names, or the steps."""
    split: str = ""
    verdict: str = ""
    subject: str = ""
    level: str = ""
    generator: str = ""
    generation: int | None = None
    """Queued for labeling in this one."""
    labeled: str = ""
    """yes or no; anything else: either."""
    low: float | None = None
    high: float | None = None
    """Bounds of the solution score, 0 to 1."""
    order: str = "highest"

    @property
    def any_filter(self) -> bool:
        return self.narrow_filter or bool(self.split or self.verdict)

    @property
    def narrow_filter(self) -> bool:
        """Something the kept histogram does not know."""
        said = (self.words, self.subject, self.level, self.generator, self.labeled)
        return any(said) or any(each is not None for each in (self.generation, self.low, self.high))


@dataclass(frozen=True)
class PageCursor:
    """Behind this solution the next page begins."""

    solution_id: int
    log_score: float | None

    def __str__(self) -> str:
        return f"{self.solution_id}" if self.log_score is None else f"{self.solution_id}:{self.log_score!r}"

    @classmethod
    def parse(cls, said: str) -> PageCursor | None:
        try:
            first, _, score = said.partition(":")
            found = cls(int(first), float(score) if score else None)
        except ValueError:
            return None
        score_fits = found.log_score is None or -1e30 < found.log_score <= 0
        return found if 0 <= found.solution_id < 2**62 and score_fits else None


@dataclass(frozen=True)
class Page:
    ids: list[int]
    next_cursor: PageCursor | None
    scanned: int | None
    """Solutions looked at, where the page ended for that; None when it is full or all were seen."""


def load_page(db: Session, project_id: int, wanted: PoolFilter, after: PageCursor | None = None) -> Page:
    values = {**bind_values(project_id, wanted), **_place(after)}
    ids = find_few_ids(db, wanted, values)
    window = _window(wanted, after, ids)
    found = db.execute(
        text(
            f"SELECT w.solution_id, w.log_score FROM ({window}) w {ONE_BY_ONE}"
            f" WHERE {build_conditions(wanted)} ORDER BY {_order(wanted, 'w.')} LIMIT {PAGE + 1}"
        ),
        values | {"ids": ids},
    ).all()
    if len(found) > PAGE:
        last = found[PAGE - 1]
        return Page([row[0] for row in found[:PAGE]], PageCursor(last[0], last[1]), None)
    end = db.execute(
        text(f"{window.replace(f'LIMIT {SCAN_LIMIT}', f'OFFSET {SCAN_LIMIT - 1} LIMIT 1')}"),
        values | {"ids": ids},
    ).one_or_none()
    more = PageCursor(end.solution_id, end.log_score) if end else None
    return Page([row[0] for row in found], more, SCAN_LIMIT if end else None)


JOINS = "JOIN solution s ON s.id = w.solution_id JOIN problem p ON p.id = s.problem_id"
ONE_BY_ONE = (
    "CROSS JOIN LATERAL (SELECT * FROM solution WHERE id = w.solution_id OFFSET 0) s"
    " CROSS JOIN LATERAL (SELECT * FROM problem WHERE id = s.problem_id OFFSET 0) p"
)
"""The same, in the order of the window and no further than the page is full. Without OFFSET 0, which
keeps the parts apart, the planner would rather search the steps of the whole table."""


def bind_values(project_id: int, wanted: PoolFilter) -> dict[str, Any]:
    """What the parts of the statements are bound to."""
    words = wanted.words.replace("\0", "").strip()
    pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    bounds = {"least": log_bound(wanted.low or None, -1e30), "most": log_bound(wanted.high, 1e30)}
    return {**wanted.__dict__, **bounds, "project_id": project_id, "words": words, "pattern": pattern}


def build_conditions(wanted: PoolFilter) -> str:
    parts = ["s.project_id = :project_id", *_of_problem(wanted)]
    if wanted.words and wanted.inside == "steps":
        parts.append(STEP_WORDS)
    if wanted.verdict:
        parts.append("s.verdict IS NULL" if wanted.verdict == "ungraded" else "s.verdict = :verdict")
    if wanted.generator:
        parts.append("s.generator = :generator")
    if wanted.generation is not None:
        parts.append(f"EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id AND {QUEUED})")
    if wanted.labeled in ("yes", "no"):
        parts.append(
            f"{'' if wanted.labeled == 'yes' else 'NOT '}EXISTS (SELECT 1 FROM task t JOIN assignment a"
            f" ON a.task_id = t.id WHERE t.solution_id = s.id AND {LABELED})"
        )
    if wanted.model_id is not None:
        parts.append("w.log_score BETWEEN CAST(:least AS real) AND CAST(:most AS real)")
    return " AND ".join(parts)


def find_few_ids(db: Session, wanted: PoolFilter, values: dict[str, Any]) -> list[int] | None:
    """The solutions that pass one of the filters (some twice), if they are no more than LOOK; else None."""
    for chosen in _narrow(wanted):
        ids = list(db.scalars(text(f"{chosen} LIMIT {SCAN_LIMIT + 1}"), values))
        if len(ids) <= SCAN_LIMIT:
            return ids
    return None


def _narrow(wanted: PoolFilter) -> Iterator[str]:
    if wanted.generation is not None:
        yield f"SELECT DISTINCT t.solution_id FROM task t WHERE {QUEUED}"
    if wanted.labeled == "yes":
        yield (
            f"SELECT DISTINCT t.solution_id FROM assignment a JOIN task t ON t.id = a.task_id WHERE {LABELED}"
        )
    if wanted.words and wanted.inside != "steps":
        yield "SELECT s.id FROM solution s WHERE s.project_id = :project_id AND s.external_id = :words" + (
            " UNION ALL SELECT s.id FROM problem p JOIN solution s ON s.problem_id = p.id"
            f" WHERE p.project_id = :project_id AND {PROBLEM_WORDS.replace(' OR s.external_id = :words', '')}"
        )
    if problem := [part for part in _of_problem(wanted) if part != PROBLEM_WORDS]:
        yield (
            "SELECT s.id FROM problem p JOIN solution s ON s.problem_id = p.id"
            f" WHERE p.project_id = :project_id AND {' AND '.join(problem)}"
        )


def _of_problem(wanted: PoolFilter) -> list[str]:
    parts = [f"p.{name} = :{name}" for name in ("split", "subject", "level") if getattr(wanted, name)]
    return [*parts, PROBLEM_WORDS] if wanted.words and wanted.inside != "steps" else parts


def _order(wanted: PoolFilter, of: str = "") -> str:
    if wanted.model_id is None:
        return f"{of}solution_id"
    if wanted.order == "lowest":
        return f"{of}log_score, {of}solution_id DESC"
    return f"{of}log_score DESC, {of}solution_id"


def _window(wanted: PoolFilter, after: PageCursor | None, ids: list[int] | None) -> str:
    """What is looked at: ids and scores in order behind `after`."""
    if wanted.model_id is None:
        only = " AND id = ANY(:ids)" if ids is not None else ""
        return (
            "SELECT id AS solution_id, NULL::real AS log_score FROM solution WHERE project_id = :project_id"
            f" AND id > :after_id{only} ORDER BY solution_id LIMIT {SCAN_LIMIT}"
        )
    parts = ["model_id = :model_id", "log_score BETWEEN CAST(:least AS real) AND CAST(:most AS real)"]
    if ids is not None:
        parts.append("solution_id = ANY(:ids)")
    if after is not None and after.log_score is not None:
        side, way = ("<", ">") if wanted.order != "lowest" else (">", "<")
        parts.append(
            f"log_score {side}= CAST(:after_score AS real) AND (log_score {side} CAST(:after_score AS real)"
            f" OR solution_id {way} :after_id)"
        )
    where = " AND ".join(parts)
    return (
        f"SELECT solution_id, log_score FROM score WHERE {where} ORDER BY {_order(wanted)} LIMIT {SCAN_LIMIT}"
    )


def _place(after: PageCursor | None) -> dict[str, Any]:
    return {
        "after_id": after.solution_id if after else -1,
        "after_score": after.log_score if after else None,
    }


def log_bound(score: float | None, any_score: float) -> float:
    """Of a bound. Bounds are compared in single precision, as scores are kept."""
    if score is None:
        return any_score
    return math.log(score) if score > 0 else LEAST
