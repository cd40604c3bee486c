"""What a labeler is told of a gold task, where the project wants it: after they submitted it and
never before. From then on they know what was expected, so that judgement stays as they made it.

Recorded with the assignment (`shown["feedback"]`), so that it stays in their history when the
setting changes, and nothing is told of gold that was submitted while it was off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.labeling.models import Assignment
from app.projects.models import Project

SELECT_GOLD_FEEDBACK = text(
    # adjudication by name: quality stands above labeling
    """
    SELECT k.ratings AS known, m."right", s.steps,
        CASE WHEN k.source = 'adjudicated' THEN
            (SELECT d.reason FROM adjudication d WHERE d.solution_id = t.solution_id) END AS reason,
        ARRAY(SELECT l.rating FROM own_step_label l WHERE l.assignment_id = a.id ORDER BY l.position) AS said
    FROM assignment a JOIN task t ON t.id = a.task_id JOIN solution s ON s.id = t.solution_id
    JOIN known_answer k ON k.task_id = t.id JOIN known_mark m ON m.assignment_id = a.id
    WHERE a.id = :assignment AND a.state = 'submitted' AND t.kind = 'gold'
    """
)


def build_gold_feedback(db: Session, project: Project, assignment: Assignment) -> dict[str, Any] | None:
    """At its submission, also at a second try of it. None for all but gold, and where the project
    gives no feedback."""
    if (
        not (project.gold_feedback or has_gold_feedback(assignment))
        or (found := load_gold_feedback(db, assignment)) is None
    ):
        return None
    if not has_gold_feedback(assignment):
        assignment.shown = {**assignment.shown, "feedback": True}
        db.flush()
    return found


def has_gold_feedback(assignment: Assignment) -> bool:
    return bool(assignment.shown.get("feedback"))


def get_gold_feedback(db: Session, assignment: Assignment) -> dict[str, Any] | None:
    """For the history: only what was told before."""
    return load_gold_feedback(db, assignment) if has_gold_feedback(assignment) else None


def load_gold_feedback(db: Session, assignment: Assignment) -> dict[str, Any] | None:
    row = db.execute(SELECT_GOLD_FEEDBACK, {"assignment": assignment.id}).one_or_none()
    if row is None:
        return None
    return {
        "assignment": assignment.id,
        "right": row.right,
        "first_error": first_error(row.known),
        "judged": bool(row.said),
        "differs": [
            {**each, "text": row.steps[each["position"]]} for each in rating_differences(row.said, row.known)
        ],
        "reason": row.reason or "",
    }


def first_error(ratings: Sequence[int | None]) -> int | None:
    return next((at for at, rating in enumerate(ratings) if rating == -1), None)


def rating_differences(said: Sequence[int | None], known: Sequence[int]) -> list[dict[str, Any]]:
    """Steps called wrong that are not, or not wrong that are: what gold is marked by. A step nobody
    reached is not one of them, nor is what follows the first wrong one."""
    return [
        {"position": at, "said": one, "known": other}
        for at, (one, other) in enumerate(zip(said, known, strict=False))
        if (one == -1) != (other == -1)
    ]
