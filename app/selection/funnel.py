"""Counts: the funnel from sampled to queued, and the labels a round could train on."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.api import Answer
from app.labeling.models import Task
from app.selection.models import Generation
from app.training.models import Model

SELECT_FUNNEL = text(
    """SELECT count(*) AS sampled,
              count(s.verdict) AS graded,
              count(*) FILTER (WHERE s.verdict = 'incorrect') AS wrong,
              count(c.solution_id) AS scored,
              count(c.solution_id) FILTER (
                  WHERE s.verdict IN ('correct', 'incorrect') AND p.split = ANY(:splits)
                    AND NOT EXISTS (SELECT FROM task t WHERE t.solution_id = s.id)) AS eligible
       FROM solution s
       JOIN problem p ON p.id = s.problem_id AND p.split <> 'test'
       LEFT JOIN score c ON c.model_id = :model_id AND c.solution_id = s.id
       WHERE s.project_id = :project_id"""
)
SELECT_LABEL_COUNTS = text(
    """SELECT count(DISTINCT a.id) AS solutions,
              count(rating) AS steps,
              count(*) FILTER (WHERE rating = 1) AS positive,
              count(*) FILTER (WHERE rating = 0) AS neutral,
              count(*) FILTER (WHERE rating = -1) AS negative
       FROM assignment a
       JOIN task t ON t.id = a.task_id
       JOIN step_label l ON l.assignment_id = a.id
       CROSS JOIN LATERAL unnest(l.ratings) AS rating
       WHERE a.project_id = :project_id AND a.state = 'submitted'
         AND a.finish_reason IN ('solution', 'found_error')
         AND (CAST(:generation AS int[]) IS NULL OR t.generation = ANY(CAST(:generation AS int[])))"""
)


class FunnelCounts(Answer):
    """Solutions of problems that are not test problems, from sampled to queued."""

    sampled: int = 0
    """All solutions."""
    graded: int = 0
    """Solutions with a verdict."""
    wrong: int = 0
    """Solutions whose verdict is incorrect."""
    scored: int = 0
    """Solutions scored by the selector."""
    eligible: int = 0
    """Scored solutions that could be queued."""
    selected: int | None = None
    """Solutions queued. Null in a preview."""
    by_strategy: dict[str, int] | None = None
    """Solutions queued, by strategy. Null in a preview."""


class LabelCounts(Answer):
    """Labels a round could train on."""

    solutions: int
    """Submissions with labels."""
    steps: int
    """Rated steps."""
    positive: int
    """Positive ratings."""
    neutral: int
    """Neutral ratings."""
    negative: int
    """Negative ratings."""


def count_funnel(
    db: Session, project_id: int, model_id: int | None, splits: tuple[str, ...] = ("train", "validation")
) -> FunnelCounts:
    params = {"project_id": project_id, "model_id": model_id or 0, "splits": list(splits)}
    return FunnelCounts(**db.execute(SELECT_FUNNEL, params).mappings().one())


def count_labels(db: Session, project_id: int, generations: list[int] | None = None) -> LabelCounts:
    params = {"project_id": project_id, "generation": generations}
    return LabelCounts(**db.execute(SELECT_LABEL_COUNTS, params).mappings().one())


def find_newest_model(db: Session, project_id: int) -> Model | None:
    return db.scalar(
        select(Model)
        .where(Model.project_id == project_id, Model.kind == "prm")
        .order_by(Model.id.desc())
        .limit(1)
    )


def next_generation_number(db: Session, project_id: int) -> int:
    """The number of the generation that a round would make now. 0 is the first queue, before any model."""
    newest = db.scalar(select(func.max(Generation.number)).where(Generation.project_id == project_id))
    queued = db.scalar(select(func.max(Task.generation)).where(Task.project_id == project_id))
    return max(newest or 0, queued or 0) + 1
