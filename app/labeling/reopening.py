"""Reopening a submission: whether it is allowed, how the assignment returns to the desk with its
ratings, and what happens to the previous submission (docs/decisions/reopening.md).

`assignment.reopen_count` says how often; assignments that were never reopened are not looked up.
Ending a lease restores the previous submission (claim_sql.py)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling import claims
from app.labeling.models import Assignment, PreviousSubmission, StepLabel, SubmissionReturn
from app.labeling.refusals import Refusal
from app.projects.models import Project

IS_IN_SNAPSHOT = text(
    "SELECT 1 FROM snapshot_label WHERE project_id = :project AND created_at >= :since"
    " AND :assignment = ANY(assignment_ids) LIMIT 1"
)

IS_ADJUDICATED = text(
    "SELECT 1 FROM task t JOIN adjudicated_solution j ON j.solution_id = t.solution_id WHERE t.id = :task"
)


def grace_period(project: Project) -> dt.timedelta:
    return dt.timedelta(minutes=project.grace_minutes)


def can_reopen(project: Project, assignment: Assignment, now: dt.datetime) -> bool:
    """By the project's settings. require_reopenable also checks what used the label since."""
    if (
        assignment.state != "submitted"
        or assignment.submitted_at is None
        or assignment.import_origin is not None
        or assignment.gold_feedback
    ):
        return False
    if project.archived_at is not None or project.reopening == "never":
        return False
    return project.reopening == "open" or now - assignment.submitted_at <= grace_period(project)


def require_reopenable(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Raises a refusal with the reason if the labeler may not reopen the submission."""
    if assignment.state == "submitted" and find_open_return(db, assignment):
        return
    if not can_reopen(project, assignment, now):
        raise Refusal("too_late", *_refusal_reason(project, assignment))
    values = {"project": project.id, "since": assignment.submitted_at, "assignment": assignment.id}
    if db.scalar(IS_IN_SNAPSHOT, values):
        raise Refusal(
            "in_a_snapshot",
            "This label is part of a training snapshot.",
            "It cannot be changed. Tell a researcher of the project if it is wrong.",
        )
    if db.scalar(IS_ADJUDICATED, {"task": assignment.task_id}):
        raise Refusal(
            "adjudicated",
            "This solution has been adjudicated.",
            "Your submission is kept next to the decision.",
        )


def _refusal_reason(project: Project, assignment: Assignment) -> tuple[str, str]:
    if assignment.state != "submitted":
        return "This solution is not submitted.", "Continue with it at the desk."
    if assignment.import_origin is not None:
        return "This submission was imported.", "Imported submissions cannot be changed."
    if assignment.gold_feedback:
        return (
            "You have seen the feedback, so this submission cannot be changed.",
            "If you think the control answer is wrong, write a note: researchers read it.",
        )
    remedy = "Tell a researcher of the project if it is wrong; they can return it to you."
    if project.reopening == "never" or project.archived_at is not None:
        return "This project does not allow changes to submissions.", remedy
    return f"The reopen window of {project.grace_minutes} minutes has passed.", remedy


def find_open_return(db: Session, assignment: Assignment) -> SubmissionReturn | None:
    return db.scalar(
        select(SubmissionReturn).where(
            SubmissionReturn.assignment_id == assignment.id, SubmissionReturn.resubmitted_at.is_(None)
        )
    )


def find_undoable(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The newest submission if it may still be undone, so that undo works after a reload too."""
    assignment = db.scalar(
        select(Assignment)
        .where(Assignment.user_id == user.id, Assignment.project_id == project.id)
        .where(Assignment.submitted_at > now - grace_period(project))
        .order_by(Assignment.submitted_at.desc(), Assignment.id.desc())
        .limit(1)
    )
    return assignment if assignment and can_reopen(project, assignment, now) else None


def reopen_submission(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Return a submission, locked by the caller, to the desk. The task that is open there becomes the
    prefetched one and keeps its ratings; the prefetched one returns to the queue. The reopened
    assignment stays counted, so nobody else gets its place."""
    require_reopenable(db, project, assignment, now)
    leases = claims.load_leases(db, project.id, assignment.user_id, now)
    if "leased" in leases:
        if "reserved" in leases:
            claims.release_assignment(db, leases["reserved"])
        leases["leased"].state = "reserved"
        db.flush()
    store_previous_submission(db, assignment, _reopen_reason(db, project, assignment, now), now)
    assignment.finish_reason, assignment.submitted_at = None, None
    claims.grant_lease(assignment, project, now)
    db.flush()


def _reopen_reason(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> str:
    if find_open_return(db, assignment):
        return "returned"
    is_recent = not assignment.submitted_at or now - assignment.submitted_at <= grace_period(project)
    return "undone" if is_recent else "reopened"


def store_previous_submission(db: Session, assignment: Assignment, reason: str, now: dt.datetime) -> None:
    """Before an assignment returns to the desk. Its label stays in place until the next submission."""
    labels = db.scalars(
        select(StepLabel).where(StepLabel.assignment_id == assignment.id).order_by(StepLabel.position)
    )
    columns = [column.key for column in StepLabel.__table__.columns if column.key != "assignment_id"]
    db.add(
        PreviousSubmission(
            assignment_id=assignment.id,
            submitted_at=assignment.submitted_at,
            finish_reason=assignment.finish_reason,
            comment=assignment.comment,
            total_time_ms=assignment.total_time_ms,
            active_time_ms=assignment.active_time_ms,
            labels=[{name: getattr(label, name) for name in columns} for label in labels],
            reopen_reason=reason,
            reopened_at=now,
        )
    )
    assignment.reopen_count += 1
    db.flush()


def close_previous_submission(db: Session, assignment: Assignment, now: dt.datetime) -> None:
    """The next submission replaces the old label and answers an open return."""
    if not assignment.reopen_count:
        return
    db.execute(delete(StepLabel).where(StepLabel.assignment_id == assignment.id))
    db.execute(
        update(PreviousSubmission)
        .where(PreviousSubmission.assignment_id == assignment.id, PreviousSubmission.ended_at.is_(None))
        .values(ended_at=now, outcome="replaced")
    )
    db.execute(
        update(SubmissionReturn)
        .where(SubmissionReturn.assignment_id == assignment.id, SubmissionReturn.resubmitted_at.is_(None))
        .values(resubmitted_at=now)
    )


def list_previous_submissions(db: Session, assignment: Assignment) -> list[PreviousSubmission]:
    """Newest first."""
    return list(
        db.scalars(
            select(PreviousSubmission)
            .where(PreviousSubmission.assignment_id == assignment.id)
            .order_by(PreviousSubmission.id.desc())
        )
    )
