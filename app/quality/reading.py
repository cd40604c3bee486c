"""What was judged by several, read once for every figure of the quality pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.quality import agreement
from app.quality.agreement import Figure

MOST = 2_000
"""Solutions a page looks at, the newest ones: enough for a narrow interval, and quick."""

OVERLAPPING = text(
    """
    WITH several AS (
        SELECT t.solution_id FROM assignment a JOIN task t ON t.id = a.task_id
        WHERE a.project_id = :project AND a.state = 'submitted'
          AND a.finish_reason IN ('solution', 'found_error')
          AND (CAST(:user AS bigint) IS NULL OR EXISTS (SELECT 1 FROM assignment m JOIN task mt
               ON mt.id = m.task_id WHERE mt.solution_id = t.solution_id AND m.user_id = :user
               AND m.state = 'submitted'))
        GROUP BY 1 HAVING count(DISTINCT a.user_id) > 1 ORDER BY 1 DESC LIMIT :most
    )
    SELECT t.solution_id, t.generation, a.id, a.user_id, l.rating, cardinality(s.steps) AS steps
    FROM several v JOIN task t ON t.solution_id = v.solution_id JOIN solution s ON s.id = v.solution_id
    JOIN assignment a ON a.task_id = t.id AND a.state = 'submitted'
        AND a.finish_reason IN ('solution', 'found_error')
    JOIN own_step_label l ON l.assignment_id = a.id
    ORDER BY t.solution_id, a.id, l.position
    """
)
LABELERS = text(
    """
    SELECT u.id, coalesce(nullif(u.name, ''), u.email, 'imported ' || left(u.uuid::text, 8)) AS name,
        d.solutions, d.active_ms, d.timed, g.gold, g.gold_right, g.steps, g.steps_right,
        s.screened, s.screening_score, s.paused_at, s.pause_reason, d.last
    FROM (
        SELECT user_id, count(*) AS solutions, sum(active_time_ms) AS active_ms,
            count(active_time_ms) AS timed, max(submitted_at) AS last
        FROM assignment WHERE project_id = :project AND state = 'submitted' GROUP BY user_id
    ) d JOIN user_account u ON u.id = d.user_id
    LEFT JOIN LATERAL (
        SELECT count(*) AS gold, count(*) FILTER (WHERE m."right") AS gold_right,
            sum(m.steps) AS steps, sum(m.steps_right) AS steps_right
        FROM known_mark m JOIN assignment a ON a.id = m.assignment_id JOIN task t ON t.id = a.task_id
        WHERE a.project_id = :project AND a.user_id = u.id AND t.kind = 'gold' AND a.state = 'submitted'
    ) g ON true
    LEFT JOIN standing s ON s.project_id = :project AND s.user_id = u.id
    WHERE CAST(:user AS bigint) IS NULL OR u.id = :user
    ORDER BY d.solutions DESC, u.id LIMIT 500
    """
)
MARKS = text(
    """
    SELECT a.id, a.submitted_at, t.kind, m."right", m.steps, m.steps_right, t.solution_id
    FROM known_mark m JOIN assignment a ON a.id = m.assignment_id JOIN task t ON t.id = a.task_id
    WHERE a.project_id = :project AND a.state = 'submitted'
      AND (CAST(:user AS bigint) IS NULL OR a.user_id = :user)
    ORDER BY a.submitted_at, a.id
    """
)


class Ratings(list[int | None]):
    """One labeler's, of the steps of a solution itself, from the first on."""

    def __init__(self, ratings: list[int | None], steps: int) -> None:
        super().__init__(ratings)
        self.ended = -1 in ratings or len(ratings) == steps
        """False where the walk left the solution: where its first error lies is not known."""


@dataclass(frozen=True)
class Agreement:
    alpha: Figure
    first_error: Figure


@dataclass(frozen=True)
class Read:
    whole: Agreement
    generations: dict[int | None, Agreement]
    pairs: list[tuple[int, int, Figure]]
    solutions: list[int]
    """Newest first; those of the figures."""


def read(db: Session, project_id: int, user_id: int | None = None) -> Read:
    judged: dict[int, dict[Hashable, Ratings]] = defaultdict(dict)
    of: dict[int | None, set[int]] = defaultdict(set)
    rows = db.execute(OVERLAPPING, {"project": project_id, "user": user_id, "most": MOST})
    for _, walk in groupby(rows, key=lambda row: row.id):
        first, *rest = walk
        ratings = [first.rating, *(row.rating for row in rest)]
        judged[first.solution_id][first.user_id] = Ratings(ratings, first.steps)
        of[first.generation].add(first.solution_id)
    everyone = sorted({who for solution in judged.values() for who in solution}, key=str)
    used = [pair for pair in combinations(everyone, 2) if user_id is None or user_id in pair]
    pairs = []
    for one, other in used[:60]:
        both = [solution for solution in judged.values() if one in solution and other in solution]
        if both:
            pairs.append((one, other, agreement.kappa(both, one, other, times=200)))
    generations = {
        number: _agreement([judged[each] for each in of[number]])
        for number in sorted(of, key=lambda number: (number is None, number))
    }
    return Read(_agreement(list(judged.values())), generations, pairs, sorted(judged, reverse=True))  # type: ignore[arg-type]


def _agreement(solutions: list[dict[Hashable, Ratings]]) -> Agreement:
    ended = [{who: said for who, said in solution.items() if said.ended} for solution in solutions]
    return Agreement(agreement.alpha(solutions, times=200), agreement.first_errors(ended, times=200))


def labelers(db: Session, project_id: int, user_id: int | None = None) -> list[Any]:
    return list(db.execute(LABELERS, {"project": project_id, "user": user_id}))


def marks(db: Session, project_id: int, user_id: int | None = None) -> list[Any]:
    return list(db.execute(MARKS, {"project": project_id, "user": user_id}))


def drift(marks: list[Any], window: int) -> list[float]:
    """Share of gold right over the last `window` at each one: how a labeler changes."""
    right = [int(mark.right) for mark in marks if mark.kind == "gold"]
    return [sum(right[max(0, end - window) : end]) / min(window, end) for end in range(1, len(right) + 1)]
