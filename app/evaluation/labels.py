"""What people hold true of a solution's own steps: from finished assignments, by majority.

Only the solution as it was sampled counts: where a labeler rated alternatives or wrote a step,
the walk leaves it, and what comes after is not said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

T = TypeVar("T", bound=Hashable)
JUDGED = text(
    """SELECT s.problem_id, s.id AS solution_id, cardinality(s.steps) AS steps, a.id AS assignment_id,
              l.position, l.texts, l.ratings, l.human_text
       FROM assignment a JOIN task t ON t.id = a.task_id JOIN solution s ON s.id = t.solution_id
       JOIN step_label l ON l.assignment_id = a.id
       WHERE a.project_id = :project_id AND a.state = 'submitted'
         AND a.finish_reason IN ('solution', 'found_error') AND t.kind IN ('regular', 'gold')
       ORDER BY s.id, a.id, l.position"""
)


@dataclass(frozen=True)
class Truth:
    problem_id: int
    first_error: int | None
    """0-based; -1 for none; null where labelers disagree or left the solution's own steps."""
    ratings: list[int | None]


def of_people(db: Session, project_id: int) -> dict[int, Truth]:
    """By solution id."""
    rows = db.execute(JUDGED.execution_options(yield_per=2_000), {"project_id": project_id})
    return {key: _truth(list(group)) for key, group in groupby(rows, key=lambda row: row.solution_id)}


def _truth(rows: list[Row[Any]]) -> Truth:
    steps = rows[0].steps
    walks = [walk(list(group)) for _, group in groupby(rows, key=lambda row: row.assignment_id)]
    firsts = [first for first in (first_error(each, steps) for each in walks) if first is not None]
    ratings = [
        majority(each[place] for each in walks if place < len(each) and each[place] is not None)
        for place in range(steps)
    ]
    return Truth(rows[0].problem_id, majority(firsts), ratings)


def walk(rows: list[Row[Any]]) -> list[int | None]:
    """One labeler's ratings of the solution's own steps, from the first on."""
    found: list[int | None] = []
    for row in rows:
        if row.position != len(found) or row.texts is not None:
            break
        found.append(row.ratings[0] if row.ratings else None)
        if row.human_text is not None:
            break
    return found


def first_error(ratings: list[int | None], steps: int) -> int | None:
    if -1 in ratings:
        return ratings.index(-1)
    return -1 if len(ratings) == steps and None not in ratings else None


def majority(said: Iterable[T | None]) -> T | None:
    """What more than half of them said; None if there is none."""
    counted = Counter(said)
    if not counted:
        return None
    value, count = counted.most_common(1)[0]
    return value if count * 2 > counted.total() else None
