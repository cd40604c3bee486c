"""Ratings in a labeler's history: of each submission, and of tasks whose lease ended before a submission."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling.ratings import BY_VALUE, Rating
from app.projects.models import Project

MAX_RATINGS = 40
"""Of one submission in a list: longer ones end with an ellipsis."""

SELECT_RATINGS = text(
    "SELECT assignment_id, array_agg(ratings[coalesce(chosen, 0) + 1] ORDER BY position) AS ratings"
    " FROM step_label WHERE assignment_id = ANY(:assignments) AND position < :limit GROUP BY assignment_id"
)

SELECT_UNSUBMITTED = text(
    """
    SELECT a.id, p.statement, e.rated, e.last_rated_at
    FROM assignment a JOIN task t ON t.id = a.task_id JOIN solution s ON s.id = t.solution_id
    JOIN problem p ON p.id = s.problem_id
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT (position, candidate)) AS rated, max(created_at) AS last_rated_at
        FROM rating_event WHERE assignment_id = a.id
    ) e
    WHERE a.project_id = :project AND a.user_id = :user AND a.state = 'expired' AND e.rated > 0
    ORDER BY a.id DESC LIMIT 20
    """
)


def load_ratings(db: Session, assignment_ids: Iterable[int]) -> dict[int, list[Rating]]:
    """{assignment: the rating of each position, in order}; of at most MAX_RATINGS positions. Where an
    alternative was chosen, its rating."""
    values = {"assignments": list(assignment_ids), "limit": MAX_RATINGS}
    rows = db.execute(SELECT_RATINGS, values)
    return {row.assignment_id: [BY_VALUE[value] for value in row.ratings] for row in rows}


def list_unsubmitted(db: Session, project: Project, user: User) -> list[Any]:
    """Tasks that the labeler rated in part and whose lease ended, newest first: their ratings are kept."""
    return list(db.execute(SELECT_UNSUBMITTED, {"project": project.id, "user": user.id}))
