"""Adjudication: the queue of candidates, the case that an adjudicator sees, and the decision.

A solution is a candidate if its labelers disagree on the first error, if a labeler flagged a step, or if
a qualified model (reviewing_model) disagrees with a label; adjudication_queue finds the candidates. A
submission that chose an alternative step says nothing about the steps after it. Labels stay hidden until
the adjudicator decides or reveals them, and every decision records what its adjudicator knew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.display_name import display_name_sql
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.labeling import label_exposure
from app.labeling.models import LabelExposure
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.quality import adjudication_queue, reviewing_model
from app.quality.control_task_creation import up_to_first_error
from app.quality.models import Adjudication, SecondLook

PAGE = 30
REASONS = ("disagreement", "flagged", "model")

SELECT_CANDIDATES = text(
    """
    SELECT w.*, p.statement, p.subject, p.level FROM second_look w
    JOIN solution s ON s.id = w.solution_id JOIN problem p ON p.id = s.problem_id
    WHERE w.project_id = :project AND (w.place, w.solution_id) > (:place, :after)
      AND (CAST(:why AS text) IS NULL OR CASE :why WHEN 'disagreement' THEN w.disagreement
           WHEN 'flagged' THEN w.flagged ELSE w.model END)
    ORDER BY w.place, w.solution_id LIMIT :most
    """
)
COUNT_CANDIDATES = text("SELECT count(*) FROM second_look WHERE project_id = :project")
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
    knew: str
    """What the adjudicator knew, or what the current user knows: see Adjudication."""
    before: list[int | None]
    """Ratings before the labels were revealed."""
    originals: list[Any]
    """Original labels; empty until the decision or the reveal."""
    negative: list[float]
    """p(negative) of each step by the qualified model; empty before the decision or without a score."""

    @property
    def open(self) -> bool:
        return self.decided is not None or self.knew == "shown"


def list_candidates(
    db: Session, project_id: int, why: str | None = None, after: int = 0, most: int = PAGE
) -> list[Any]:
    """Candidates after solution `after`, or from the start if it was never a candidate. Call
    adjudication_queue.refresh_changed first to include recent submissions."""
    parameters = {
        "project": project_id,
        "why": why,
        "most": most,
        "place": get_priority(db, after),
        "after": after,
    }
    return list(db.execute(SELECT_CANDIDATES, parameters))


def get_priority(db: Session, solution_id: int) -> int:
    """Priority of a candidate, or of a decided solution when it was one; -1 for other solutions."""
    if row := db.get(SecondLook, solution_id):
        return row.place
    decided = db.scalar(select(Adjudication).where(Adjudication.solution_id == solution_id))
    if decided is None or not decided.asked_for:
        return -1
    return 2 * (not decided.asked_for["disagreement"]) + (not decided.asked_for["flagged"])


def count_candidates(db: Session, project_id: int) -> int:
    return int(db.scalar(COUNT_CANDIDATES, {"project": project_id}) or 0)


def next_candidate(db: Session, project_id: int, why: str | None, after: int) -> int | None:
    """The next candidate, or the first after the last; None if the queue is empty."""
    for start in (after, 0):
        for row in list_candidates(db, project_id, why, start, 2):
            if row.solution_id != after:
                return int(row.solution_id)
    return None


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
    exposure = db.get(LabelExposure, (solution.id, decided.decided_by if decided else actor.id))
    knew = decided.knew if decided else find_exposure(db, actor, exposure, solution.id)
    shown = decided is not None or knew == "shown"
    originals = list(db.execute(SELECT_ORIGINAL_LABELS, parameters)) if shown else []
    probs = (db.scalar(SELECT_STEP_PROBS, parameters) or []) if shown else []
    before = list((exposure.ratings_before if exposure else None) or [])
    return AdjudicationCase(solution, solution.problem, decided, knew, before, originals, list(probs[::3]))


def find_exposure(db: Session, actor: User, exposure: LabelExposure | None, solution_id: int) -> str:
    """What the user knows of the labels. A reveal takes precedence over a page that showed them."""
    if exposure and exposure.ratings_before is not None:
        return "shown"
    if db.scalar(SELECT_OWN_LABEL, {"solution": solution_id, "user": actor.id}):
        return "own"
    return "opened" if exposure else "nothing"


def reveal_labels(
    db: Session, project: Project, actor: User, solution_id: int, ratings: list[int | None]
) -> None:
    """Reveal labels and model scores to the adjudicator, and store their ratings so far."""
    case = load_case(db, project, actor, solution_id)
    if not case.open:
        label_exposure.record_reveal(db, actor, solution_id, ratings[: len(case.solution.steps)])


def record_decision(
    db: Session, project: Project, actor: User, solution_id: int, ratings: list[int | None], reason: str
) -> Adjudication:
    """Store the only decision on a solution. Every step up to the first negative rating must be rated;
    later ratings are ignored."""
    case = load_case(db, project, actor, solution_id)
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
    why = _remove_candidate(db, project.id, solution_id)
    decision = Adjudication(
        project_id=project.id, solution_id=solution_id, ratings=decided_ratings, reason=reason,
        decided_by=actor.id, asked_for=why, knew=case.knew,
    )  # fmt: skip
    db.add(decision)
    db.flush()
    detail = {"ratings": decided_ratings, "reason": reason, "knew": case.knew}
    audit.record_event(db, actor, "solution.adjudicate", str(solution_id), detail, project_id=project.id)
    return decision


def _remove_candidate(db: Session, project_id: int, solution_id: int) -> dict[str, bool]:
    """Remove a candidate and return its current reasons; empty if it was not a candidate."""
    adjudication_queue.lock_scan(db, project_id)
    adjudication_queue.refresh_solutions(
        db, project_id, [solution_id], adjudication_queue.current_basis(db, project_id)
    )
    row = db.get(SecondLook, solution_id, populate_existing=True)
    if row is None:
        return {}
    why = {name: bool(getattr(row, name)) for name in REASONS}
    db.delete(row)
    return why


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
