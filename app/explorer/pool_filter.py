# ruff: noqa: S608  the parts of the statements are constants of this file; values are bound
"""Which solutions of the pool a page shows, and the same as conditions in SQL."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict

LEAST = -80.0
"""Log of a score that is shown as 0."""
STATEMENT_MATCHES = (
    "to_tsvector('simple'::regconfig, \"left\"(p.statement, 20000))"
    " @@ websearch_to_tsquery('simple'::regconfig, :query)"
)
PROBLEM_MATCHES = f"({STATEMENT_MATCHES} OR p.external_id = :query)"
PROBLEM_OR_SOLUTION_MATCHES = f"({STATEMENT_MATCHES} OR p.external_id = :query OR s.external_id = :query)"
STEPS_MATCH = "array_to_string(s.steps, chr(10)) ILIKE :pattern"
QUEUED = "t.project_id = :project_id AND t.generation = :generation AND t.withdrawn_at IS NULL"
LABELED = "a.project_id = :project_id AND a.state = 'submitted'"


class PoolFilter(BaseModel):
    """Which solutions, in which order. An empty text or None means any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_id: int | None = None
    """The model whose scores order the pool."""
    query: str = ""
    search_in: str = "problem"
    """Where the query is searched: the problem's statement and the external ids, or the steps."""
    split: str = ""
    verdict: str = ""
    subject: str = ""
    level: str = ""
    generator: str = ""
    generation: int | None = None
    """Queued for labeling in this generation."""
    labeled: str = ""
    """yes or no."""
    min_score: float | None = None
    max_score: float | None = None
    """Bounds of the solution score, 0 to 1."""
    sort: str = "highest"

    @property
    def any_filter(self) -> bool:
        return self.narrow_filter or bool(self.split or self.verdict)

    @property
    def narrow_filter(self) -> bool:
        """Whether it filters by more than the stored histogram distinguishes."""
        texts = (self.query, self.subject, self.level, self.generator, self.labeled)
        bounds = (self.generation, self.min_score, self.max_score)
        return any(texts) or any(bound is not None for bound in bounds)

    @property
    def searches_problems(self) -> bool:
        return bool(self.query) and self.search_in != "steps"


def bind_values(project_id: int, pool_filter: PoolFilter) -> dict[str, Any]:
    """The values that the parts of the statements are bound to."""
    query = pool_filter.query.replace("\0", "").strip()
    pattern = "%" + query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    bounds = {
        "least": log_bound(pool_filter.min_score or None, -1e30),
        "most": log_bound(pool_filter.max_score, 1e30),
    }
    own = {"project_id": project_id, "query": query, "pattern": pattern}
    return {**pool_filter.model_dump(), **bounds, **own}


def build_conditions(pool_filter: PoolFilter) -> str:
    """SQL over w (scores), s (solution) and p (problem)."""
    parts = ["s.project_id = :project_id", *problem_conditions(pool_filter)]
    if pool_filter.searches_problems:
        parts.append(PROBLEM_OR_SOLUTION_MATCHES)
    elif pool_filter.query:
        parts.append(STEPS_MATCH)
    if pool_filter.verdict:
        is_ungraded = pool_filter.verdict == "ungraded"
        parts.append("s.verdict IS NULL" if is_ungraded else "s.verdict = :verdict")
    if pool_filter.generator:
        parts.append("s.generator = :generator")
    if pool_filter.generation is not None:
        parts.append(f"EXISTS (SELECT 1 FROM task t WHERE t.solution_id = s.id AND {QUEUED})")
    if pool_filter.labeled in ("yes", "no"):
        parts.append(
            f"{'' if pool_filter.labeled == 'yes' else 'NOT '}EXISTS (SELECT 1 FROM task t JOIN assignment a"
            f" ON a.task_id = t.id WHERE t.solution_id = s.id AND {LABELED})"
        )
    if pool_filter.model_id is not None:
        parts.append("w.log_score BETWEEN CAST(:least AS real) AND CAST(:most AS real)")
    return " AND ".join(parts)


def problem_conditions(pool_filter: PoolFilter) -> list[str]:
    columns = ("split", "subject", "level")
    return [f"p.{name} = :{name}" for name in columns if getattr(pool_filter, name)]


def log_bound(score: float | None, unbounded: float) -> float:
    """The log of a bound. Bounds are compared in single precision, as scores are stored."""
    if score is None:
        return unbounded
    return math.log(score) if score > 0 else LEAST
