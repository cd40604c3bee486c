"""Undo across a submission, and changing one later: whether policy lets a labeler, and how the
assignment comes back onto the desk with all its ratings (docs/decisions/reopening.md)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling import claims, gold_feedback, previous_submissions
from app.labeling.assignments import Refusal
from app.labeling.beside import SubmissionReturn
from app.labeling.models import Assignment
from app.projects.models import Project

IS_IN_SNAPSHOT = text(
    # by name: training and quality stand above labeling: their tables may be asked, not imported
    "SELECT 1 FROM snapshot s JOIN snapshot_item i ON i.snapshot_id = s.id"
    " WHERE s.project_id = :project AND s.created_at >= :since"
    " AND :assignment = ANY(i.assignment_ids) LIMIT 1"
)

IS_ADJUDICATED = text(
    "SELECT 1 FROM task t JOIN adjudication j ON j.solution_id = t.solution_id WHERE t.id = :task"
)


def grace_period(project: Project) -> dt.timedelta:
    return dt.timedelta(minutes=project.grace_minutes)


def can_reopen(project: Project, assignment: Assignment, now: dt.datetime) -> bool:
    """By policy alone; what became of the label since is asked when it is tried."""
    if assignment.state != "submitted" or assignment.submitted_at is None or assignment.origin is not None:
        return False
    if (
        project.archived_at is not None
        or project.reopening == "never"
        or gold_feedback.has_gold_feedback(assignment)
    ):
        return False
    return project.reopening == "open" or now - assignment.submitted_at <= grace_period(project)


def require_reopenable(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Refused, with the reason, where the labeler may not have it back."""
    if assignment.state == "submitted" and find_open_return(db, assignment):
        return
    if not can_reopen(project, assignment, now):
        raise Refusal("too_late", *_refusal_reason(project, assignment))
    values = {"project": project.id, "since": assignment.submitted_at, "assignment": assignment.id}
    if db.scalar(IS_IN_SNAPSHOT, values):
        raise Refusal(
            "in_a_snapshot",
            "This label is already in a snapshot that a model learns from.",
            "It stays as it is. Tell a researcher of the project if it is wrong.",
        )
    if db.scalar(IS_ADJUDICATED, {"task": assignment.task_id}):
        raise Refusal(
            "adjudicated",
            "This solution was adjudicated since.",
            "Your judgement is kept as it is, beside the decision.",
        )


def _refusal_reason(project: Project, assignment: Assignment) -> tuple[str, str]:
    if assignment.state != "submitted":
        return "This solution is not submitted.", "Go on with it at the desk."
    if assignment.origin is not None:
        return "This judgement was imported.", "It is not changed here."
    if gold_feedback.has_gold_feedback(assignment):
        return (
            "You were told what was known of this solution, so it stays as you judged it.",
            "Where you think the known answer is wrong, say so in a note: researchers read it.",
        )
    tell = "Tell a researcher of the project if it is wrong; they can return it to you."
    if project.reopening == "never" or project.archived_at is not None:
        return "In this project a submission stays as it is.", tell
    minutes = project.grace_minutes
    return f"A submission can be taken back for {minutes} minutes; this one is older.", tell


def find_open_return(db: Session, assignment: Assignment) -> SubmissionReturn | None:
    """The return of it that waits for an answer."""
    return db.scalar(
        select(SubmissionReturn).where(
            SubmissionReturn.assignment_id == assignment.id, SubmissionReturn.answered_at.is_(None)
        )
    )


def find_undoable(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The newest submission, where it may still be undone: `u` finds it also after a reload."""
    found = db.scalar(
        select(Assignment)
        .where(Assignment.user_id == user.id, Assignment.project_id == project.id)
        .where(Assignment.submitted_at > now - grace_period(project))
        .order_by(Assignment.submitted_at.desc(), Assignment.id.desc())
        .limit(1)
    )
    return found if found and can_reopen(project, found, now) else None


def reopen_submission(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """The assignment, locked by the caller, is on the desk again. What lies there is kept as the
    next one, with its ratings; what was prefetched behind it goes back to the queue. The place
    in the queue stays taken, so nobody else is given it meanwhile."""
    require_reopenable(db, project, assignment, now)
    held = claims.load_leases(db, project.id, assignment.user_id, now)
    if "leased" in held:
        if "reserved" in held:
            claims.release_assignment(db, held["reserved"])
        held["leased"].state = "reserved"
        db.flush()
    if find_open_return(db, assignment):
        why = "returned"
    else:
        age = now - assignment.submitted_at if assignment.submitted_at else grace_period(project)
        why = "undone" if age <= grace_period(project) else "reopened"
    previous_submissions.store_previous_submission(db, assignment, why, now)
    assignment.finish_reason, assignment.submitted_at = None, None
    claims.grant_lease(assignment, project, now)
    db.flush()
