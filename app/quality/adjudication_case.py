"""What an adjudicator sees of a solution: blind until the decision, then labels and model scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.display_name import display_name_sql
from app.accounts.models import User
from app.core.errors import NotFound
from app.labeling.models import LabelExposure
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.quality import reviewing_model
from app.quality.models import Adjudication

SELECT_ORIGINAL_LABELS = text(
    f"""
    SELECT a.id, a.user_id, {display_name_sql("u")} AS labeler,
        a.finish_reason, a.submitted_at, t.kind, a.import_origin IS NULL AS own_work,
        EXISTS (SELECT 1 FROM submission_return r
            WHERE r.assignment_id = a.id AND r.resubmitted_at IS NULL) AS returned,
        coalesce(array_agg(l.rating ORDER BY l.position)
            FILTER (WHERE l.assignment_id IS NOT NULL), '{{}}') AS ratings
    FROM assignment a JOIN task t ON t.id = a.task_id JOIN user_account u ON u.id = a.user_id
    LEFT JOIN solution_step_label l ON l.assignment_id = a.id
    WHERE t.solution_id = :solution AND a.state = 'submitted'
    GROUP BY a.id, u.id, t.kind ORDER BY a.id
    """  # noqa: S608  the name of a person is a constant expression
)
SELECT_OWN_LABEL = text(
    "SELECT 1 FROM assignment a JOIN task t ON t.id = a.task_id WHERE t.solution_id = :solution"
    " AND a.user_id = :user AND a.state = 'submitted' LIMIT 1"
)
SELECT_STEP_PROBS = text("SELECT step_probs FROM score WHERE solution_id = :solution AND model_id = :model")


@dataclass(frozen=True)
class AdjudicationCase:
    solution: Solution
    problem: Problem
    decided: Adjudication | None
    exposure: str
    """The exposure of the adjudicator, or of the current user, to the labels. See Adjudication."""
    before: list[int | None]
    """Ratings before the labels were revealed."""
    originals: list[Any]
    """Original labels; empty until the decision or the reveal."""
    negative: list[float]
    """p(negative) of each step by the qualified model; empty before the decision or without a score."""

    @property
    def open(self) -> bool:
        return self.decided is not None or self.exposure == "reveal"


def load_case(db: Session, project: Project, actor: User, solution_id: int) -> AdjudicationCase:
    solution = None
    if 0 < solution_id < 2**62:
        query = select(Solution).where(Solution.id == solution_id, Solution.project_id == project.id)
        solution = db.scalar(query)
    if solution is None:
        raise NotFound("Solution not found.", remedy="Go back to the adjudication queue.")
    decided = db.scalar(select(Adjudication).where(Adjudication.solution_id == solution.id))
    parameters = {
        "solution": solution.id,
        "model": reviewing_model.find_reviewing_model(db, project.id).model_id,
    }
    record = db.get(LabelExposure, (solution.id, decided.decided_by if decided else actor.id))
    exposure = decided.exposure if decided else find_exposure(db, actor, record, solution.id)
    visible = decided is not None or exposure == "reveal"
    originals = list(db.execute(SELECT_ORIGINAL_LABELS, parameters)) if visible else []
    probs = (db.scalar(SELECT_STEP_PROBS, parameters) or []) if visible else []
    before = list((record.ratings_before if record else None) or [])
    return AdjudicationCase(
        solution, solution.problem, decided, exposure, before, originals, list(probs[::3])
    )


def find_exposure(db: Session, actor: User, record: LabelExposure | None, solution_id: int) -> str:
    """The exposure of the user to the labels. A reveal takes precedence over a page that showed them."""
    if record and record.ratings_before is not None:
        return "reveal"
    if db.scalar(SELECT_OWN_LABEL, {"solution": solution_id, "user": actor.id}):
        return "own"
    return "page" if record else "none"
