"""Suspect references: solutions with an incorrect verdict in which labelers found no error, or whose
reference a labeler called wrong. Either labelers missed an error or the reference is wrong. Convincing
wrong answers often have a wrong reference, because a good model finds correct solutions convincing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

MAX_PROBLEMS = 50
FEW, SHARE = 5, 0.1
"""Minimum number and minimum share of labeled solutions for a warning."""
WITH_LABELED = """
    WITH judged AS (
        SELECT s.problem_id, s.id, s.final_answer, bool_and(a.finish_reason = 'solution') AS without_error,
            count(*) FILTER (WHERE a.reference_verdict = 'incorrect') AS rejections
        FROM assignment a JOIN task t ON t.id = a.task_id JOIN solution s ON s.id = t.solution_id
        WHERE a.project_id = :project AND a.state = 'submitted' AND t.kind = 'regular'
          AND s.verdict = 'incorrect' AND a.finish_reason IN ('solution', 'found_error')
          AND NOT EXISTS (
            SELECT 1 FROM step_label e
            WHERE e.assignment_id = a.id AND (e.texts IS NOT NULL OR e.human_text IS NOT NULL)
              AND coalesce(e.human_text, e.texts[e.chosen + 1]) IS DISTINCT FROM s.steps[e.position + 1])
        GROUP BY s.id
    )
"""
COUNT_SUSPECT = text(
    WITH_LABELED  # noqa: S608 - our own text
    + "SELECT count(*) AS labeled, count(*) FILTER (WHERE without_error) AS without_error,"
    " count(*) FILTER (WHERE rejections > 0 AND NOT without_error) AS rejected FROM judged"
)
SELECT_SUSPECT = text(
    WITH_LABELED  # noqa: S608 - our own text
    + """SELECT p.id, p.external_id, p.statement, p.reference_answer, count(*) AS labeled,
           count(*) FILTER (WHERE without_error) AS without_error, sum(rejections)::int AS rejections,
           array_agg(DISTINCT judged.final_answer) FILTER (WHERE without_error OR rejections > 0) AS answers
         FROM judged JOIN problem p ON p.id = judged.problem_id
         GROUP BY p.id HAVING bool_or(without_error OR rejections > 0)
         ORDER BY sum(rejections) DESC, count(*) FILTER (WHERE without_error) DESC, p.id LIMIT :most"""
)


@dataclass(frozen=True)
class SuspectReferences:
    labeled: int
    """Incorrect solutions whose own steps were labeled to the first error or the end."""
    without_error: int
    """Of these, the solutions without an error found by labelers."""

    rejected: int = 0
    """Others, where a labeler called the reference incorrect and another one found an error."""

    @property
    def suspect(self) -> int:
        return self.without_error + self.rejected

    @property
    def exceeds_warning_level(self) -> bool:
        return self.suspect >= FEW and self.suspect >= SHARE * self.labeled


def count_suspect_references(db: Session, project_id: int) -> SuspectReferences:
    return SuspectReferences(*db.execute(COUNT_SUSPECT, {"project": project_id}).one())


def list_problems(db: Session, project_id: int) -> list[dict[str, Any]]:
    """At most MAX_PROBLEMS problems with suspect references, the most rejected first."""
    return [
        dict(row)
        for row in db.execute(SELECT_SUSPECT, {"project": project_id, "most": MAX_PROBLEMS}).mappings()
    ]
