"""Problems that no model may be trained on: those of evaluation sets, and their duplicates.

The sets belong to evaluation, which offers their problems as a view. Test problems need no guard, because
they are never queued."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

SELECT_GUARDED_PROBLEMS = text(
    "SELECT DISTINCT problem_id FROM guarded_problem WHERE project_id = :project_id"
)


def load_guarded_problem_ids(db: Session, project_id: int) -> set[int]:
    """Problem IDs. Their labels are never training examples of a snapshot. They may be held-out examples."""
    return set(db.scalars(SELECT_GUARDED_PROBLEMS, {"project_id": project_id}))
