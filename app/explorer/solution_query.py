"""What a page of the pool and the page of one solution show. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import NotFound
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
    """Submitted judgements of it."""


@dataclass(frozen=True)
class SubmissionRatings:
    """What one labeler said of a solution."""

    assignment: Assignment
    labeler: str
    ratings: dict[int, int | None] = field(default_factory=dict)
    """Of the solution's own steps, by position; null where they could not tell."""


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
    """Those that scored something, newest first."""
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
    beside = {row.solution_id: row for row in db.execute(SELECT_TASK_COUNTS, {"ids": ids})}
    return [
        PoolSolution(
            *both[each],
            strips.get(each),
            list(beside[each].queued) if each in beside else [],
            beside[each].labeled if each in beside else 0,
        )
        for each in ids
        if each in both
    ]


def load_strips(db: Session, solution: Solution) -> list[HeatStrip]:
    """By every model that scored it, the newest first."""
    by = (load_heat_strips(db, [solution.id], each) for each in list_scoring_models(db, solution.project_id))
    return [found[solution.id] for found in by if found]


def get_solution(db: Session, access: Access, solution_id: int) -> tuple[Solution, Problem]:
    chosen = (
        select(Solution, Problem)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Solution.id == solution_id, Solution.project_id == access.project.id)
    )
    row = db.execute(chosen).one_or_none() if 0 <= solution_id < 2**62 else None
    if row is None:
        raise NotFound("There is no such solution in this project.", remedy="Go back to the list.")
    return row[0], row[1]


def load_rollouts(db: Session, solution_id: int) -> dict[int, list[tuple[str, int, int]]]:
    """Position -> each generator's name, its rollouts from behind that step, and those that came right."""
    chosen = select(Generator.name, Rollout).join(Generator, Generator.id == Rollout.generator_id)
    found: dict[int, list[tuple[str, int, int]]] = {}
    for name, row in db.execute(chosen.where(Rollout.solution_id == solution_id).order_by(Generator.name)):
        found.setdefault(row.position, []).append((name, row.rollouts, row.reached))
    return found


def list_submissions(db: Session, solution_id: int) -> list[SubmissionRatings]:
    """Submitted ones, oldest first. For researchers: a labeler never comes here."""
    rows = db.execute(
        select(Assignment, User.name, User.email)
        .join(Task, Task.id == Assignment.task_id)
        .join(User, User.id == Assignment.user_id)
        .where(Task.solution_id == solution_id, Assignment.state == "submitted")
        .order_by(Assignment.submitted_at, Assignment.id)
    )
    made = {
        assignment.id: SubmissionRatings(assignment, name or email or "") for assignment, name, email in rows
    }
    for label in db.execute(SELECT_STEP_LABELS, {"assignments": list(made)}):
        made[label.assignment_id].ratings[label.position] = label.rating
    return list(made.values())
