"""Reference labels of a solution's own steps: the adjudicated ratings, or else the majority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.training.label_tree import majority_rating

SELECT_STEP_LABELS = text(
    """SELECT l.problem_id, l.solution_id, l.steps, l.assignment_id, l.rating, d.ratings AS decided
       FROM solution_step_label l LEFT JOIN adjudication d ON d.solution_id = l.solution_id
       WHERE l.project_id = :project_id AND l.state = 'submitted'
         AND l.finish_reason IN ('solution', 'found_error') AND l.kind IN ('regular', 'gold')
       ORDER BY l.solution_id, l.assignment_id, l.position"""
)


@dataclass(frozen=True)
class ReferenceLabel:
    problem_id: int
    first_error: int | None
    """0-based; -1 for no error; None if labelers disagree or chose an alternative step."""
    ratings: list[int | None]


def load_people_labels(db: Session, project_id: int) -> dict[int, ReferenceLabel]:
    """By solution id."""
    rows = db.execute(SELECT_STEP_LABELS.execution_options(yield_per=2_000), {"project_id": project_id})
    return {key: _truth(list(group)) for key, group in groupby(rows, key=lambda row: row.solution_id)}


def _truth(rows: list[Row[Any]]) -> ReferenceLabel:
    steps = rows[0].steps
    walks = [[row.rating for row in group] for _, group in groupby(rows, key=lambda row: row.assignment_id)]
    ratings = [
        majority_rating(
            rating for ratings in walks if place < len(ratings) and (rating := ratings[place]) is not None
        )
        for place in range(steps)
    ]
    if decided := rows[0].decided:
        unsaid = [None] * (steps - len(decided))
        return ReferenceLabel(rows[0].problem_id, first_error_position(decided, steps), [*decided, *unsaid])
    firsts = [
        first for first in (first_error_position(ratings, steps) for ratings in walks) if first is not None
    ]
    return ReferenceLabel(rows[0].problem_id, majority_rating(firsts), ratings)


def first_error_position(ratings: Sequence[int | None], steps: int) -> int | None:
    if -1 in ratings:
        return ratings.index(-1)
    return -1 if len(ratings) == steps and None not in ratings else None
