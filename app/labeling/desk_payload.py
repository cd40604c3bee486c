"""What the desk shows: one solution with its problem, ratings, notes and return."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling import claims, notes, reopening, returns
from app.labeling.models import Assignment
from app.labeling.rating_events import EVENTS_AND_ALTERNATIVES, build_labeling_state
from app.modes import get_mode
from app.modes.branching_state import BranchingLabelingState
from app.modes.labeling_state import LabelingState
from app.projects.models import Project

SELECT_TASK_CONTENT = text(
    f"""
    SELECT s.steps, s.final_answer, s.verdict, p.id AS problem_id, p.statement, p.subject, p.level,
        p.reference_answer, e.events, e.active_ms, a.alternatives
    FROM task t JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
    {EVENTS_AND_ALTERNATIVES}
    WHERE t.id = :task
    """  # noqa: S608  the part is ours
)


def build_desk_payload(db: Session, project: Project, assignment: Assignment) -> dict[str, Any]:
    """One solution as the desk renders it. It contains nothing that could influence the labeler: no
    score, no reason for queueing, no task kind, and the reference only where the project shows it."""
    row = db.execute(SELECT_TASK_CONTENT, {"assignment": assignment.id, "task": assignment.task_id}).one()
    reference = row.reference_answer if is_reference_shown(project, assignment) else None
    state = build_labeling_state(project.mode, len(row.steps), row.alternatives, row.events)
    return {
        "assignment": {
            "id": assignment.id,
            "state": assignment.state,
            "lease_expires_at": _isoformat(assignment.lease_expires_at),
            "active_ms": row.active_ms,
        },
        "task": task_to_json(project.mode),
        "problem": {
            "id": row.problem_id,
            "statement": row.statement,
            "subject": row.subject,
            "level": row.level,
            "reference_answer": reference,
        },
        "steps": row.steps,
        "alternatives": row.alternatives or [],
        **ratings_to_json(state),
        "final_answer": row.final_answer,
        "ask_reference_verdict": reference is not None and row.verdict == "incorrect",
        **build_notes_payload(db, assignment),
    }


def task_to_json(mode_id: str) -> dict[str, Any]:
    """What the desk needs to know of the mode: its rules are the same as those of the mode's state."""
    mode = get_mode(mode_id)
    return {"mode": mode.id, "in_order": mode.in_order, "is_branching": mode.is_branching}


def _isoformat(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def build_notes_payload(db: Session, assignment: Assignment) -> dict[str, Any]:
    """The labeler's notes, and why the submission was returned. Queried only where there can be any."""
    own = notes.load_notes(db, [assignment.id]).get(assignment.id, {}) if assignment.has_notes else {}
    submission_return = reopening.find_open_return(db, assignment) if assignment.reopen_count else None
    return {
        "notes": [
            {"position": position, "candidate": candidate, "text": text}
            for (position, candidate), text in sorted(own.items())
        ],
        "returned": submission_return
        and {"reason": submission_return.reason, "returned_at": _isoformat(submission_return.returned_at)},
    }


def is_reference_shown(project: Project, assignment: Assignment) -> bool:
    if project.reference_visibility == "after":
        return assignment.state == "submitted"
    return assignment.reference_shown


def ratings_to_json(state: LabelingState) -> dict[str, Any]:
    """The current ratings, and in a branching state the choices and written steps."""
    own = {(position, 0): rating for position, rating in state.ratings.items()}
    ratings = [
        {"position": position, "candidate": candidate, "rating": rating.rating, "flagged": rating.flagged}
        for (position, candidate), rating in sorted({**own, **state.alternative_ratings}.items())
    ]
    if not isinstance(state, BranchingLabelingState):
        return {"ratings": ratings}
    return {
        "ratings": ratings,
        "chosen": sorted(state.chosen.items()),
        "human_texts": sorted(state.human_texts.items()),
    }


def next_desk_payload(db: Session, project: Project, user: User, now: dt.datetime) -> dict[str, Any] | None:
    returns.assign_oldest_return(db, project, user, now)
    assignment = claims.claim_assignment(db, project, user, now)
    return build_desk_payload(db, project, assignment) if assignment else None


def reopen_on_desk(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> dict[str, Any]:
    """Reopen a submission and show it."""
    reopening.reopen_submission(db, project, assignment, now)
    return build_desk_payload(db, project, assignment)
