"""What the desk shows: one solution with its problem, and what stands beside it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling import claims, notes, rating_events, reopening, returns
from app.labeling.branching_state import BranchingLabelingState
from app.labeling.labeling_state import LabelingState
from app.labeling.models import Assignment
from app.projects.models import Project

SELECT_TASK_CONTENT = text(
    """
    SELECT s.steps, s.final_answer, s.verdict, p.id AS problem_id, p.statement, p.subject, p.level,
        p.reference_answer, e.said, e.active_ms, a.candidates
    FROM task t JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(position, candidate, rating, flagged, chosen, written)
            ORDER BY id) AS said, coalesce(sum(active_ms), 0) AS active_ms
        FROM rating_event WHERE assignment_id = :assignment
    ) e
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(position, candidate, text, prefix) ORDER BY position, candidate)
            AS candidates FROM alternative WHERE solution_id = s.id
    ) a WHERE t.id = :task
    """
)


def build_desk_payload(db: Session, project: Project, assignment: Assignment) -> dict[str, Any]:
    """One solution as the desk draws it. It tells nothing that could sway or reveal:
    no score, no reason it was queued, no kind, and the reference only where policy shows it."""
    row = db.execute(SELECT_TASK_CONTENT, {"assignment": assignment.id, "task": assignment.task_id}).one()
    reference = row.reference_answer if is_reference_shown(project, assignment) else None
    until = assignment.lease_expires_at
    walk = rating_events.build_labeling_state(project.mode, len(row.steps), row.candidates, row.said or [])
    return {
        "assignment": {
            "id": assignment.id,
            "state": assignment.state,
            "lease_expires_at": until.isoformat() if until else None,
            "active_ms": row.active_ms,
        },
        "task": {"mode": project.mode},
        "problem": {
            "id": row.problem_id,
            "statement": row.statement,
            "subject": row.subject,
            "level": row.level,
            "reference_answer": reference,
        },
        "steps": row.steps,
        "alternatives": [
            {"position": each.position, "candidate": each.candidate, "text": each.text, "prefix": each.prefix}
            for each in walk.alternatives
        ],
        **ratings_to_json(walk),
        "final_answer": row.final_answer,
        "asks_about_reference": reference is not None and row.verdict == "incorrect",
        **build_notes_payload(db, assignment),
    }


def build_notes_payload(db: Session, assignment: Assignment) -> dict[str, Any]:
    """The labeler's notes, and why it came back. Looked up only where there can be some."""
    noted, reopened = assignment.shown.get("noted"), assignment.shown.get("reopened")
    places = notes.load_notes(db, [assignment.id]).get(assignment.id, {}) if noted else {}
    back = reopening.find_open_return(db, assignment) if reopened else None
    return {
        "notes": [
            {"position": position, "candidate": candidate, "text": words}
            for (position, candidate), words in sorted(places.items())
        ],
        "returned": {"reason": back.reason, "at": back.at.isoformat()} if back else None,
    }


def is_reference_shown(project: Project, assignment: Assignment) -> bool:
    if project.show_reference == "after":
        return assignment.state == "submitted"
    return bool(assignment.shown.get("reference_answer"))


def ratings_to_json(walk: LabelingState) -> dict[str, Any]:
    """What the events so far come to."""
    words = {(position, 0): place for position, place in walk.ratings.items()} | walk.alternative_ratings
    ratings = [
        {"position": position, "candidate": candidate, "rating": place.rating, "flagged": place.flagged}
        for (position, candidate), place in sorted(words.items())
    ]
    if not isinstance(walk, BranchingLabelingState):
        return {"ratings": ratings}
    return {
        "ratings": ratings,
        "chosen": sorted(walk.chosen.items()),
        "written": sorted(walk.human_texts.items()),
    }


def next_desk_payload(db: Session, project: Project, user: User, now: dt.datetime) -> dict[str, Any] | None:
    returns.assign_oldest_return(db, project, user, now)
    claimed = claims.claim_assignment(db, project, user, now)
    return build_desk_payload(db, project, claimed) if claimed else None


def reopen_on_desk(
    db: Session, project: Project, user: User, assignment: Assignment, now: dt.datetime
) -> dict[str, Any]:
    """Take a submission back onto the desk."""
    reopening.reopen_submission(db, project, assignment, now)
    return build_desk_payload(db, project, assignment)
