"""A gold task on the labeler's desk."""

from __future__ import annotations

from sqlalchemy import text

from app.core.db import transaction
from app.labeling.models import ControlAnswer, Task
from app.quality.models import Adjudication
from tests.browser.conftest import Work

REASON = "Nothing says that $4 - 2$ checks it."


def gold(work: Work, number: int, ratings: list[int]) -> None:
    """Task `number` becomes gold, and lies on the labeler's desk first."""
    with transaction() as db:
        task = db.query(Task).order_by(Task.id).offset(number - 1).limit(1).one()
        task.kind, task.overlap = "gold", 9
        db.add(ControlAnswer(task_id=task.id, ratings=ratings, source="adjudicated"))
        decision = {"ratings": ratings, "reason": REASON, "decided_by": work.who}
        db.add(Adjudication(project_id=work.project, solution_id=task.solution_id, **decision))
        db.execute(text("UPDATE project SET gold_rate = 0.5, gold_feedback = true"))
        db.execute(
            text(
                "INSERT INTO assignment (project_id, task_id, user_id, state, lease_expires_at)"
                " VALUES (:project, :task, :who, 'leased', now() + interval '1 hour')"
            ),
            {"project": work.project, "task": task.id, "who": work.who},
        )
        task.assigned_count = 1
