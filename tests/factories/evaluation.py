"""A pool with scores whose best-of-N is known by hand, committed or not, and what judges it."""

from __future__ import annotations

import math

from sqlalchemy.orm import Session

from app.evaluation import freeze, sets
from app.evaluation.models import EvaluationSet
from app.problems.models import ExternalLabel, Solution
from app.projects.models import Project
from app.scoring.models import Score
from app.training.models import Model
from tests.factories import base as factories
from tests.factories import selection as loop


def pool(db: Session, of: Project, problems: int = 6, split: str = "validation") -> list[list[Solution]]:
    """Of each problem four solutions: right (4), right (4.0), wrong (5), wrong (five)."""
    solutions_by_problem = []
    for number in range(problems):
        problem = factories.problem(db, of, f"Problem {number}?", split=split, level=f"Level {number % 2}")
        solutions_by_problem.append(
            [
                factories.solution(
                    db, problem, (f"step {place}", f"so {answer}"), verdict=verdict, final_answer=answer
                )
                for place, (answer, verdict) in enumerate(
                    [("4", "correct"), ("4.0", "correct"), ("5", "incorrect"), ("five", "incorrect")]
                )
            ]
        )
    return solutions_by_problem


def scored(
    db: Session,
    of: Project,
    solutions: list[list[Solution]],
    values: list[float],
    name: str = "prm",
    **more: object,
) -> Model:
    """A model that gives each problem's solutions these scores."""
    scorer = loop.model(db, of, name, **more)
    for problem_solutions in solutions:
        for solution, value in zip(problem_solutions, values, strict=True):
            loop.score(db, scorer, solution, value)
    return scorer


def score_steps(db: Session, by: Model, solution: Solution, p_negative: list[float]) -> None:
    """A score with these p(negative) by step; neutral has none."""
    db.add(
        Score(
            model_id=by.id,
            solution_id=solution.id,
            problem_id=solution.problem_id,
            log_score=sum(math.log(1 - value) for value in p_negative),
            step_probs=[part for value in p_negative for part in (value, 0.0, 1 - value)],
        )
    )
    db.flush()


def first_error(db: Session, solution: Solution, position: int) -> None:
    db.add(ExternalLabel(solution_id=solution.id, source="file:test", first_error=position))
    db.flush()


class NoProver:
    def equal(self, reference: str, answer: str) -> bool | None:
        return {("5", "five"): True, ("five", "5"): True}.get((reference, answer), False)


def frozen(db: Session, of: Project, name: str = "Set", **definition: object) -> EvaluationSet:
    """Frozen in this session, with a prover that knows that five is 5."""
    row = sets.create_set(db, of.id, name, definition, None)
    freeze._freeze(db, row, NoProver())  # type: ignore[arg-type]
    db.flush()
    return row
