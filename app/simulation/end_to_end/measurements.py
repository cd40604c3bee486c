"""What came out in a project: its queue, its labels, and best-of-N of an evaluation. Reads only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app.core.db import transaction
from app.evaluation import load_set
from app.evaluation.best_of_n import best_of_n
from app.evaluation.config import parse_evaluation_config
from app.evaluation.models import Evaluation
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.simulation.end_to_end.server import Stuck
from app.simulation.policy_run import N


def queued(project_id: int, up_to: int | None = None) -> list[str]:
    """Names of the solutions queued up to a generation, in the order of their use."""
    mine = select(Solution.external_id).join(Task, Task.solution_id == Solution.id)
    mine = mine.where(Task.project_id == project_id)
    if up_to is not None:
        mine = mine.where(Task.generation <= up_to)
    with transaction() as db:
        return list(db.scalars(mine.order_by(Task.generation, Task.priority.desc(), Task.id)))


def negative(project_id: int, up_to: int) -> int:
    """Labeled solutions with a negative step."""
    found = select(func.count()).select_from(Assignment).join(Task, Task.id == Assignment.task_id)
    found = found.where(
        Assignment.project_id == project_id,
        Assignment.state == "submitted",
        Assignment.finish_reason == "found_error",
        Task.generation <= up_to,
    )
    with transaction() as db:
        return db.scalar(found) or 0


def best_of(evaluation_id: int, names: list[str]) -> dict[str, Any]:
    """By the very rows the evaluation was made of, at the Ns that simulations have. Problems in the
    order of `names`."""
    with transaction() as db:
        found = db.get_one(Evaluation, evaluation_id)
        pool = load_set.load_evaluation_data(db, found, parse_evaluation_config(found.config)).pool
        ids = [each.problem_id for each in pool.problems]
        rows = db.execute(select(Problem.id, Problem.external_id).where(Problem.id.in_(ids)))
        name_of = {row.id: row.external_id for row in rows}
    judged = {name_of[each.problem_id]: each for each in pool.problems}
    if missing := [name for name in names if name not in judged]:
        raise Stuck(f"{len(missing)} test problems were not judged, {missing[0]} among them.")
    ordered = [judged[name] for name in names]
    most = max(len(each.right) for each in ordered)
    n = N[most >= N]
    values = best_of_n([each.scores[pool.main] for each in ordered], [each.right for each in ordered], n)
    return {"n": n.tolist(), "best_of": values.round(5).tolist()}
