"""Feedback on a gold task, in projects that show it: after the submission and never before. From then
on the labeler knows the answer, so the submission can no longer be changed.

`assignment.gold_feedback` records it, so that it stays in the labeler's history when the setting
changes. Gold submitted while the setting was off gets no feedback later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.labeling.models import Assignment
from app.projects.models import Project

SELECT_GOLD_FEEDBACK = text(
    """
    SELECT k.ratings AS expected, r.correct, s.steps,
        CASE WHEN k.source = 'adjudicated' THEN
            (SELECT d.reason FROM adjudicated_solution d WHERE d.solution_id = t.solution_id) END AS reason,
        ARRAY(SELECT l.rating FROM solution_step_label l
              WHERE l.assignment_id = a.id ORDER BY l.position) AS ratings
    FROM assignment a JOIN task t ON t.id = a.task_id JOIN solution s ON s.id = t.solution_id
    JOIN control_answer k ON k.task_id = t.id JOIN control_result r ON r.assignment_id = a.id
    WHERE a.id = :assignment AND a.state = 'submitted' AND t.kind = 'gold'
    """
)


def build_gold_feedback(db: Session, project: Project, assignment: Assignment) -> dict[str, Any] | None:
    """For a submission, also a repeated one. None unless it is gold in a project that shows feedback."""
    if not (project.gold_feedback or assignment.gold_feedback):
        return None
    feedback = load_gold_feedback(db, assignment)
    if feedback is not None and not assignment.gold_feedback:
        assignment.gold_feedback = True
        db.flush()
    return feedback


def get_gold_feedback(db: Session, assignment: Assignment) -> dict[str, Any] | None:
    """For the history: only feedback that the labeler has seen."""
    return load_gold_feedback(db, assignment) if assignment.gold_feedback else None


def load_gold_feedback(db: Session, assignment: Assignment) -> dict[str, Any] | None:
    row = db.execute(SELECT_GOLD_FEEDBACK, {"assignment": assignment.id}).one_or_none()
    if row is None:
        return None
    return {
        "assignment": assignment.id,
        "correct": row.correct,
        "first_error": first_error(row.expected),
        "rated": bool(row.ratings),
        "differences": [
            {**difference, "text": row.steps[difference["position"]]}
            for difference in rating_differences(row.ratings, row.expected)
        ],
        "reason": row.reason or "",
    }


def first_error(ratings: Sequence[int | None]) -> int | None:
    return next((position for position, rating in enumerate(ratings) if rating == -1), None)


def rating_differences(ratings: Sequence[int | None], expected: Sequence[int]) -> list[dict[str, Any]]:
    """Steps where one rating is negative and the other is not, which is how gold is scored. Steps that
    were not rated, or follow the expected first error, are not compared."""
    return [
        {"position": position, "given": rating, "expected": answer}
        for position, (rating, answer) in enumerate(zip(ratings, expected, strict=False))
        if (rating == -1) != (answer == -1)
    ]
