"""What a labeler reads on the desk before their first submission in a project."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.labeling import control_tasks
from app.projects.models import Project

SELECT_COUNTS = text(
    """
    SELECT EXISTS (SELECT 1 FROM assignment WHERE project_id = :project AND user_id = :user
            AND state = 'submitted') AS has_submitted,
        (SELECT count(*) FROM task WHERE project_id = :project AND kind = 'screening'
            AND withdrawn_at IS NULL) AS screening_tasks
    """
)


@dataclass(frozen=True)
class Introduction:
    screening_tasks: int
    """How many decide whether the labeler may work in the project; 0 if none do."""
    screening_threshold: float
    """The share of them that must be correct."""


def find_introduction(db: Session, project: Project, user_id: int) -> Introduction | None:
    """None once the labeler has submitted something."""
    counts = db.execute(SELECT_COUNTS, {"project": project.id, "user": user_id}).one()
    if counts.has_submitted:
        return None
    is_screened = control_tasks.is_in_screening(db, project, user_id)
    return Introduction(counts.screening_tasks if is_screened else 0, project.screening_threshold)
