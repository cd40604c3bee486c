"""Solutions with known first errors, labeled or disputed, and models that contradict the labels."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.labeling import assignments, claims
from app.labeling.models import Assignment, Task
from app.problems.models import ExternalLabel, Solution
from app.projects.models import Project
from app.quality import control_task_creation
from app.scoring.models import Score
from app.training.models import Model
from tests.factories import base as factories
from tests.factories import selection

NOW = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
JSON = {"Accept": "application/json"}
STEPS = ("one", "two", "three")
GOOD_METRICS = {
    "best": {"negative_auc": 0.83, "steps": 1204, "accuracy": 0.8, "always_positive": 0.7, "loss": 0.5}
}
"""Held-out metrics that qualify a model to review labels."""


def solution(db: Session, project: Project, first_error: int | None = None) -> Solution:
    """A solution of three steps, with an imported label of its first error if one is given."""
    created = factories.solution(db, factories.problem(db, project), STEPS)
    if first_error is not None:
        db.add(ExternalLabel(solution_id=created.id, source="file:processbench", first_error=first_error))
        db.flush()
    return created


def label_solution(db: Session, project: Project, assignment: Any, first_error: int) -> None:
    """Rate the steps up to `first_error` (-1 for no error) and submit."""
    ratings = [1, 1, 1] if first_error < 0 else [*[1] * first_error, -1]
    events = [
        assignments.RatingEventData(uuid4(), position, 0, rating, None, 500, NOW)
        for position, rating in enumerate(ratings)
    ]
    assignments.record_events(db, project, assignment, events, NOW)
    reason = "solution" if first_error < 0 else "found_error"
    assignments.submit_assignment(db, project, assignment, reason, "", 1000, NOW)


def screened_project(db: Session, threshold: float = 0.5, **options: Any) -> Project:
    """A project with four screening tasks and three regular ones."""
    project = factories.project(db, screening_threshold=threshold, **options)
    for first_error in (-1, 0, 1, 2):
        solution(db, project, first_error)
    control_task_creation.create_control_tasks(db, project, None, "screening", 4)
    for _ in range(3):
        factories.task(db, solution(db, project))
    return project


def expected_first_error(db: Session, assignment: Assignment) -> int:
    """The imported first error of the solution of a control task."""
    task = db.get_one(Task, assignment.task_id)
    label = db.scalar(select(ExternalLabel).where(ExternalLabel.solution_id == task.solution_id))
    assert label is not None
    assert label.first_error is not None
    return label.first_error


def disputed_solution(db: Session, project: Project, first_errors: tuple[int, ...] = (0, -1)) -> Solution:
    """A solution with one submission for each of `first_errors`."""
    created = solution(db, project)
    factories.task(db, created, overlap=len(first_errors))
    for first_error in first_errors:
        assignment = claims.claim_assignment(db, project, factories.member(db, project), NOW)
        label_solution(db, project, assignment, first_error)
    return created


def scored_model(db: Session, project: Project, name: str, metrics: Any, negative: list[float]) -> Model:
    """A model that scored every solution of the project with these p(negative)."""
    created = selection.model(db, project, name, metrics=metrics)
    for scored in db.scalars(select(Solution).where(Solution.project_id == project.id)):
        probs = [part for at in range(3) for part in (negative[at], 0.0, 1 - negative[at])]
        db.add(
            Score(
                model_id=created.id,
                solution_id=scored.id,
                problem_id=scored.problem_id,
                log_score=-1,
                step_probs=probs,
            )
        )
    db.flush()
    return created
