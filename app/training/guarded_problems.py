"""Problems that no model may be trained on: those of evaluation sets, and their duplicates.

The sets belong to evaluation, which stands above training; only their items are read, by SQL. Test problems
need no guard, because they are never queued."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

SELECT_GUARDED_PROBLEMS = text(
    """SELECT DISTINCT p.id FROM evaluation_set e
       JOIN evaluation_item i ON i.evaluation_set_id = e.id
       JOIN problem q ON q.id = i.problem_id
       JOIN problem p ON p.project_id = q.project_id AND p.statement_hash = q.statement_hash
       WHERE e.project_id = :project_id"""
)


def load_guarded_problem_ids(db: Session, project_id: int) -> set[int]:
    """Problem IDs. Their labels are never training examples of a snapshot. They may be held-out examples."""
    return set(db.scalars(SELECT_GUARDED_PROBLEMS, {"project_id": project_id}))
