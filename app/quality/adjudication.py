"""Adjudication: the queue of candidates, the case that an adjudicator sees, and the decision.

A solution is a candidate if its labelers disagree on the first error, if a labeler flagged a step, or if
a qualified model (reviewing_model) disagrees with a label; adjudication_queue finds the candidates. A
submission that chose an alternative step says nothing about the steps after it. Labels stay hidden until
the adjudicator decides or reveals them, and every decision records its adjudicator's exposure to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid
from app.labeling import label_exposure
from app.projects.models import Project
from app.quality import adjudication_case, adjudication_queue
from app.quality.control_task_creation import up_to_first_error
from app.quality.models import Adjudication, AdjudicationCandidate

PAGE = 30
REASONS = ("disagreement", "flagged", "model_disagreement")

SELECT_CANDIDATES = text(
    """
    SELECT w.*, p.statement, p.subject, p.level FROM adjudication_candidate w
    JOIN solution s ON s.id = w.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE w.project_id = :project AND (w.priority, w.solution_id) > (:priority, :after)
      AND (CAST(:reason AS text) IS NULL OR CASE :reason WHEN 'disagreement' THEN w.disagreement
           WHEN 'flagged' THEN w.flagged ELSE w.model_disagreement END)
    ORDER BY w.priority, w.solution_id LIMIT :most
    """
)
COUNT_CANDIDATES = text("SELECT count(*) FROM adjudication_candidate WHERE project_id = :project")


def list_candidates(
    db: Session, project_id: int, reason: str | None = None, after: int = 0, most: int = PAGE
) -> list[Any]:
    """Candidates after solution `after`, or from the start if it was never a candidate. Call
    adjudication_queue.refresh_changed first to include recent submissions."""
    parameters = {
        "project": project_id,
        "reason": reason,
        "most": most,
        "priority": get_priority(db, after),
        "after": after,
    }
    return list(db.execute(SELECT_CANDIDATES, parameters))


def get_priority(db: Session, solution_id: int) -> int:
    """Priority of a candidate, or of a decided solution when it was one; -1 for other solutions."""
    if row := db.get(AdjudicationCandidate, solution_id):
        return row.priority
    decided = db.scalar(select(Adjudication).where(Adjudication.solution_id == solution_id))
    if decided is None or not decided.queue_reasons:
        return -1
    return 2 * (not decided.queue_reasons["disagreement"]) + (not decided.queue_reasons["flagged"])


def count_candidates(db: Session, project_id: int) -> int:
    return int(db.scalar(COUNT_CANDIDATES, {"project": project_id}) or 0)


def next_candidate(db: Session, project_id: int, reason: str | None, after: int) -> int | None:
    """The next candidate, or the first after the last; None if the queue is empty."""
    for start in (after, 0):
        for row in list_candidates(db, project_id, reason, start, 2):
            if row.solution_id != after:
                return int(row.solution_id)
    return None


def reveal_labels(
    db: Session, project: Project, actor: User, solution_id: int, ratings: list[int | None]
) -> None:
    """Reveal labels and model scores to the adjudicator, and store their ratings so far."""
    case = adjudication_case.load_case(db, project, actor, solution_id)
    if not case.open:
        label_exposure.record_reveal(db, actor, solution_id, ratings[: len(case.solution.steps)])


def record_decision(
    db: Session, project: Project, actor: User, solution_id: int, ratings: list[int | None], reason: str
) -> Adjudication:
    """Store the only decision on a solution. Every step up to the first negative rating must be rated;
    later ratings are ignored."""
    case = adjudication_case.load_case(db, project, actor, solution_id)
    if case.decided:
        raise Conflict("This solution is already adjudicated.", remedy="Open it to see the decision.")
    if case.problem.split == "test":
        raise Invalid("This solution belongs to a test problem.", remedy="Test problems are never labeled.")
    decided_ratings = validate_ratings(ratings, len(case.solution.steps))
    reason = " ".join(reason.split())
    if not reason or len(reason) > 2000:
        raise Invalid(
            "A decision needs a reason of at most 2,000 characters.",
            remedy="Write one sentence that explains it.",
        )
    queue_reasons = _remove_candidate(db, project.id, solution_id)
    decision = Adjudication(
        project_id=project.id, solution_id=solution_id, ratings=decided_ratings, reason=reason,
        decided_by=actor.id, queue_reasons=queue_reasons, exposure=case.exposure,
    )  # fmt: skip
    db.add(decision)
    db.flush()
    detail = {"ratings": decided_ratings, "reason": reason, "exposure": case.exposure}
    audit.record_event(db, actor, "solution.adjudicate", str(solution_id), detail, project_id=project.id)
    return decision


def _remove_candidate(db: Session, project_id: int, solution_id: int) -> dict[str, bool]:
    """Remove a candidate and return its current reasons; empty if it was not a candidate."""
    adjudication_queue.lock_scan(db, project_id)
    adjudication_queue.refresh_solutions(
        db, project_id, [solution_id], adjudication_queue.current_basis(db, project_id)
    )
    row = db.get(AdjudicationCandidate, solution_id, populate_existing=True)
    if row is None:
        return {}
    reasons = {name: bool(getattr(row, name)) for name in REASONS}
    db.delete(row)
    return reasons


def validate_ratings(ratings: list[int | None], steps: int) -> list[int]:
    decided_ratings: list[int] = []
    for rating in ratings[:steps]:
        if rating is None:
            break
        decided_ratings.append(rating)
    decided_ratings = up_to_first_error(decided_ratings)
    if len(decided_ratings) < steps and -1 not in decided_ratings:
        raise Invalid(
            f"Step {len(decided_ratings) + 1} is not rated.",
            remedy="Rate every step up to the first error.",
        )
    return decided_ratings
