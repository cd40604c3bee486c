"""Reads for a page of the pool and for the page of one solution."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.display_name import DISPLAY_NAME
from app.accounts.models import User
from app.core.errors import NotFound
from app.explorer.pool_filter import PoolFilter
from app.generators.models import Generator, Rollout
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.projects.access import Access
from app.scoring.heat_strips import HeatStrip, load_heat_strips
from app.scoring.models import Score
from app.training.models import Model


@dataclass(frozen=True)
class PoolSolution:
    solution: Solution
    problem: Problem
    strip: HeatStrip | None
    queued: list[int]
    """Generations it was queued in."""
    labeled: int
    """Submissions."""


@dataclass(frozen=True)
class SubmissionRatings:
    """One labeler's submission for a solution."""

    assignment: Assignment
    labeler: str
    ratings: dict[int, int | None] = field(default_factory=dict)
    """Of the solution's own steps, by 0-based position; None where flagged."""


SELECT_TASK_COUNTS = text(
    """
    SELECT t.solution_id, array_remove(array_agg(DISTINCT t.generation), NULL) AS queued,
        count(a.id) FILTER (WHERE a.state = 'submitted') AS labeled
    FROM task t LEFT JOIN assignment a ON a.task_id = t.id
    WHERE t.solution_id = ANY(:ids) AND t.withdrawn_at IS NULL GROUP BY t.solution_id
    """
)
SELECT_STEP_LABELS = text("SELECT * FROM solution_step_label WHERE assignment_id = ANY(:assignments)")


def list_scoring_models(db: Session, project_id: int) -> list[Model]:
    """Models with scores, newest first."""
    scored = select(Score.model_id).where(Score.model_id == Model.id).limit(1).exists()
    return list(
        db.scalars(select(Model).where(Model.project_id == project_id, scored).order_by(Model.id.desc()))
    )


def load_solutions(db: Session, ids: list[int], model: Model | None) -> list[PoolSolution]:
    """In the order of `ids`."""
    rows = db.execute(
        select(Solution, Problem).join(Problem, Problem.id == Solution.problem_id).where(Solution.id.in_(ids))
    )
    both = {solution.id: (solution, problem) for solution, problem in rows}
    strips = load_heat_strips(db, ids, model) if model else {}
    counts = {row.solution_id: row for row in db.execute(SELECT_TASK_COUNTS, {"ids": ids})}
    return [
        PoolSolution(
            *both[number],
            strips.get(number),
            list(counts[number].queued) if number in counts else [],
            counts[number].labeled if number in counts else 0,
        )
        for number in ids
        if number in both
    ]


def load_strips(db: Session, solution: Solution) -> list[HeatStrip]:
    """By every model that scored it, newest first."""
    models = list_scoring_models(db, solution.project_id)
    by_model = (load_heat_strips(db, [solution.id], model) for model in models)
    return [strips[solution.id] for strips in by_model if strips]


def choose_model(models: list[Model], pool_filter: PoolFilter) -> tuple[Model | None, PoolFilter]:
    """The filter's model, or the newest that scored; and the filter with its id."""
    if pool_filter.model_id is None:
        model = models[0] if models else None
    else:
        model = next((model for model in models if model.id == pool_filter.model_id), None)
        if model is None:
            raise NotFound(
                "Model not found among those that scored this pool.", remedy="Choose another model."
            )
    return model, pool_filter.model_copy(update={"model_id": model.id if model else None})


def get_solution(db: Session, access: Access, solution_id: int) -> tuple[Solution, Problem]:
    statement = (
        select(Solution, Problem)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.id == solution_id, Solution.project_id == access.project.id)
    )
    row = db.execute(statement).one_or_none() if 0 <= solution_id < 2**62 else None
    if row is None:
        raise NotFound("Solution not found.", remedy="Go back to the list of solutions.")
    return row[0], row[1]


def load_rollouts(db: Session, solution_id: int) -> dict[int, list[tuple[str, int, int]]]:
    """By 0-based position: each generator's name, its rollouts from that step, and how many were correct."""
    statement = select(Generator.name, Rollout).join(Generator, Generator.id == Rollout.generator_id)
    statement = statement.where(Rollout.solution_id == solution_id).order_by(Generator.name)
    rollouts: dict[int, list[tuple[str, int, int]]] = {}
    for name, row in db.execute(statement):
        rollouts.setdefault(row.position, []).append((name, row.rollout_count, row.correct_count))
    return rollouts


def list_submissions(db: Session, solution_id: int) -> list[SubmissionRatings]:
    """Oldest first. For researchers only: labelers must not see other labels."""
    rows = db.execute(
        select(Assignment, DISPLAY_NAME)
        .join(Task, Task.id == Assignment.task_id)
        .join(User, User.id == Assignment.user_id)
        .where(Task.solution_id == solution_id, Assignment.state == "submitted")
        .order_by(Assignment.submitted_at, Assignment.id)
    )
    submissions = {assignment.id: SubmissionRatings(assignment, name) for assignment, name in rows}
    for label in db.execute(SELECT_STEP_LABELS, {"assignments": list(submissions)}):
        submissions[label.assignment_id].ratings[label.position] = label.rating
    return list(submissions.values())
