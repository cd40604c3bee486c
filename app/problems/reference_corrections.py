"""A reference answer that turned out wrong: put right, and every solution of the problem graded anew."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.answers.normalize import normalize
from app.core.errors import Invalid
from app.core.jobs import enqueue
from app.problems.grading import SOURCE
from app.problems.models import Problem

MAX_LENGTH = 2000
DELETE_VERDICTS = (
    text("DELETE FROM verdict WHERE source = :source AND solution_id IN"
         " (SELECT id FROM solution WHERE problem_id = :problem)"),
    text("UPDATE solution SET verdict = NULL WHERE problem_id = :problem"),
)  # fmt: skip


def correct_reference_answer(db: Session, problem: Problem, new_answer: str, actor: User) -> bool:
    """Set the reference answer and regrade. Returns False if nothing changed.

    Labels, tasks and finished evaluations stay. Later selections, exports and evaluations use
    the new verdicts."""
    answer = new_answer.strip()
    if not 1 <= len(answer) <= MAX_LENGTH:
        raise Invalid(
            f"A reference answer has 1 to {MAX_LENGTH:,} characters.", remedy="Enter the correct answer."
        )
    try:
        normalize(answer)
    except ValueError as error:
        raise Invalid(
            f"The grader cannot read this answer: {error}",
            remedy="Write it as in a solution, for example \\frac{1}{2}.",
        ) from error
    db.refresh(problem, with_for_update=True)
    before = problem.reference_answer
    if answer == before:
        return False
    problem.reference_answer = answer
    db.flush()
    for statement in DELETE_VERDICTS:
        db.execute(statement, {"problem": problem.id, "source": SOURCE})
    detail = {"before": before, "after": answer}
    audit.record_event(
        db, actor, "problem.correct", problem.external_id, detail, project_id=problem.project_id
    )
    enqueue(db, "problems.grade", once=f"grade-{problem.project_id}", project_id=problem.project_id)
    return True
