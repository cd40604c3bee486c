"""Names of the external scores of a set. Importable without numpy, because pages use it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

SELECT_SCORE_NAMES = text(
    """SELECT DISTINCT d.key FROM evaluation_item i JOIN solution s ON s.id = i.solution_id,
              jsonb_each(s.detail) d
       WHERE i.evaluation_set_id = :set_id
         AND CASE jsonb_typeof(d.value) WHEN 'number' THEN true
             WHEN 'array' THEN jsonb_typeof(d.value -> 0) = 'number' ELSE false END
       ORDER BY d.key LIMIT 20"""
)


def list_external_scores(db: Session, set_id: int) -> list[str]:
    """Names of at most 20 numeric fields that were imported with the solutions of the set."""
    return list(db.scalars(SELECT_SCORE_NAMES, {"set_id": set_id}))
