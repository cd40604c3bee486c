"""A model with its scores, and labels, without training or scoring anything."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling.models import Assignment, StepLabel, Task
from app.problems.models import Solution
from app.projects.models import Project
from app.scoring.models import Score
from app.training.models import Model


def model(db: Session, of: Project, name: str = "prm-0", **values: object) -> Model:
    row = Model(project_id=of.id, name=name, path=name, weights_hash=b"0" * 32, config={}, **values)
    db.add(row)
    db.flush()
    return row


def score(
    db: Session, by: Model, of: Solution, value: float = 0.0, right: Sequence[float] | None = None
) -> Score:
    """A solution score of `value`, spread over its steps; or of the product of `right`, by step."""
    right = right or [value ** (1 / len(of.steps))] * len(of.steps)
    row = Score(
        model_id=by.id,
        solution_id=of.id,
        problem_id=of.problem_id,
        log_score=math.log(value or math.prod(right)),
        step_probs=[part for probability in right for part in (1 - probability, 0.0, probability)],
    )
    db.add(row)
    db.flush()
    return row


def labeled(db: Session, task: Task, who: User, ratings: list[int], reason: str = "") -> Assignment:
    """A submitted assignment with a label a step."""
    task.assigned_count += 1
    row = Assignment(
        project_id=task.project_id,
        task_id=task.id,
        user_id=who.id,
        state="submitted",
        submitted_at=dt.datetime.now(dt.UTC),
        finish_reason=reason or ("found_error" if -1 in ratings else "solution"),
        total_time_ms=60_000,
        active_time_ms=30_000,
    )
    db.add(row)
    db.flush()
    for position, rating in enumerate(ratings):
        db.add(StepLabel(assignment_id=row.id, position=position, ratings=[rating], flags=[None], chosen=0))
    db.flush()
    return row
