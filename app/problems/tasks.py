"""Jobs of problems."""

from __future__ import annotations

from app.core.jobs import queue
from app.problems import grading


@queue.task(name="problems.grade", retry=3)
def grade(project_id: int) -> None:
    grading.grade_waiting(project_id)
