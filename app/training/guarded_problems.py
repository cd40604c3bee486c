"""Problems that no model may learn from: those of evaluation sets, and their copies.

The sets are a matter of evaluation, which stands above training; only their items are read
here, by SQL. Test problems need no guard: they are never queued."""

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
    """Problem ids. Their labels never go into the train part of a snapshot; they may be in its
    validation part, from which nothing is learned."""
    return set(db.scalars(SELECT_GUARDED_PROBLEMS, {"project_id": project_id}))
