"""Undo across a submission, and changing one later: whether policy lets a labeler, and how the
assignment comes back onto the desk with all its ratings (docs/decisions/reopening.md)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling import claims, gold_feedback, previous_submissions
from app.labeling.assignments import Refused
from app.labeling.beside import TaskReturn
from app.labeling.models import Assignment
from app.projects.models import Project

FROZEN = text(
    # by name: training and quality stand above labeling: their tables may be asked, not imported
    "SELECT 1 FROM snapshot s JOIN snapshot_item i ON i.snapshot_id = s.id"
    " WHERE s.project_id = :project AND s.created_at >= :since"
    " AND :assignment = ANY(i.assignment_ids) LIMIT 1"
)

ADJUDICATED = text(
    "SELECT 1 FROM task t JOIN adjudication j ON j.solution_id = t.solution_id WHERE t.id = :task"
)


def grace(project: Project) -> dt.timedelta:
    return dt.timedelta(minutes=project.grace_minutes)


def may_reopen(project: Project, assignment: Assignment, now: dt.datetime) -> bool:
    """By policy alone; what became of the label since is asked when it is tried."""
    if assignment.state != "submitted" or assignment.submitted_at is None or assignment.origin is not None:
        return False
    if project.archived_at is not None or project.reopening == "never" or gold_feedback.given(assignment):
        return False
    return project.reopening == "open" or now - assignment.submitted_at <= grace(project)


def check(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Refused, with the reason, where the labeler may not have it back."""
    if assignment.state == "submitted" and returned(db, assignment):
        return
    if not may_reopen(project, assignment, now):
        raise Refused("too_late", *_why(project, assignment))
    values = {"project": project.id, "since": assignment.submitted_at, "assignment": assignment.id}
    if db.scalar(FROZEN, values):
        raise Refused(
            "in_a_snapshot",
            "This label is already in a snapshot that a model learns from.",
            "It stays as it is. Tell a researcher of the project if it is wrong.",
        )
    if db.scalar(ADJUDICATED, {"task": assignment.task_id}):
        raise Refused(
            "adjudicated",
            "This solution was adjudicated since.",
            "Your judgement is kept as it is, beside the decision.",
        )


def _why(project: Project, assignment: Assignment) -> tuple[str, str]:
    if assignment.state != "submitted":
        return "This solution is not submitted.", "Go on with it at the desk."
    if assignment.origin is not None:
        return "This judgement was imported.", "It is not changed here."
    if gold_feedback.given(assignment):
        return (
            "You were told what was known of this solution, so it stays as you judged it.",
            "Where you think the known answer is wrong, say so in a note: researchers read it.",
        )
    tell = "Tell a researcher of the project if it is wrong; they can return it to you."
    if project.reopening == "never" or project.archived_at is not None:
        return "In this project a submission stays as it is.", tell
    minutes = project.grace_minutes
    return f"A submission can be taken back for {minutes} minutes; this one is older.", tell


def returned(db: Session, assignment: Assignment) -> TaskReturn | None:
    """The return of it that waits for an answer."""
    return db.scalar(
        select(TaskReturn).where(TaskReturn.assignment_id == assignment.id, TaskReturn.answered_at.is_(None))
    )


def last(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The newest submission, where it may still be undone: `u` finds it also after a reload."""
    found = db.scalar(
        select(Assignment)
        .where(Assignment.user_id == user.id, Assignment.project_id == project.id)
        .where(Assignment.submitted_at > now - grace(project))
        .order_by(Assignment.submitted_at.desc(), Assignment.id.desc())
        .limit(1)
    )
    return found if found and may_reopen(project, found, now) else None


def reopen(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """The assignment, locked by the caller, is on the desk again. What lies there is kept as the
    next one, with its ratings; what was prefetched behind it goes back to the queue. The place
    in the queue stays taken, so nobody else is given it meanwhile."""
    check(db, project, assignment, now)
    held = claims.leases(db, project.id, assignment.user_id, now)
    if "leased" in held:
        if "reserved" in held:
            claims.give_back(db, held["reserved"])
        held["leased"].state = "reserved"
        db.flush()
    if returned(db, assignment):
        why = "returned"
    else:
        age = now - assignment.submitted_at if assignment.submitted_at else grace(project)
        why = "undone" if age <= grace(project) else "reopened"
    previous_submissions.keep(db, assignment, why, now)
    assignment.finish_reason, assignment.submitted_at = None, None
    claims.lease(assignment, project, now)
    db.flush()
