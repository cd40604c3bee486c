"""Returning a submission to its labeler with a reason. The labeler gets it next. The label counts until
they submit again, and is stored afterwards."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.api import load_page
from app.core.errors import Conflict, Invalid, NotFound
from app.labeling import assignments, claims, reopening
from app.labeling.models import Assignment, SubmissionReturn
from app.projects import members
from app.projects.models import Project

MAX_REASON_LENGTH = 2000

SELECT_OLDEST_RETURN = text(
    "SELECT r.assignment_id FROM submission_return r JOIN assignment a ON a.id = r.assignment_id"
    " WHERE r.user_id = :user AND r.project_id = :project AND r.resubmitted_at IS NULL"
    " AND a.state = 'submitted' ORDER BY r.id LIMIT 1"
)


def return_submission(
    db: Session, project: Project, assignment_id: int, actor: User, reason: str, now: dt.datetime
) -> SubmissionReturn:
    """The caller has checked that `actor` may (a researcher or an adjudicator of the project)."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON_LENGTH:
        raise Invalid("A reason is required.", remedy=f"Use up to {MAX_REASON_LENGTH} characters.")
    assignment = _lock_assignment(db, project, assignment_id)
    _require_returnable(db, project, assignment)
    submission_return = SubmissionReturn(
        project_id=project.id,
        assignment_id=assignment.id,
        user_id=assignment.user_id,
        returned_by=actor.id,
        reason=reason,
        returned_at=now,
    )
    db.add(submission_return)
    db.flush()
    detail = {"reason": reason}
    audit.record_event(db, actor, "assignment.return", str(assignment.id), detail, project_id=project.id)
    return submission_return


def _lock_assignment(db: Session, project: Project, assignment_id: int) -> Assignment:
    """In the order of claims.py: the labeler's lock, then the assignment's."""
    labeler_id = db.scalar(
        select(Assignment.user_id).where(Assignment.id == assignment_id, Assignment.project_id == project.id)
    )
    if labeler_id is None:
        raise NotFound("Assignment not found.", remedy="It may belong to another project.")
    claims.lock_labeler(db, project.id, labeler_id)
    return assignments.get_own_assignment(db, project, assignment_id, labeler_id)


def _require_returnable(db: Session, project: Project, assignment: Assignment) -> None:
    labeler = db.get(User, assignment.user_id)
    if assignment.state != "submitted":
        raise Conflict("The labeler is working on this solution.", remedy="Wait until it is submitted again.")
    if assignment.import_origin is not None:
        raise Conflict("This submission was imported.", remedy="Queue the solution for a labeler instead.")
    if labeler is None or labeler.disabled_at is not None or members.find_role(db, project, labeler) is None:
        raise Conflict("The labeler has left the project.", remedy="Queue the solution for another labeler.")
    if reopening.find_open_return(db, assignment):
        raise Conflict("This submission was already returned.", remedy="The labeler gets it next.")


def assign_oldest_return(db: Session, project: Project, user: User, now: dt.datetime) -> None:
    """Reopen the labeler's oldest return if their desk is free. Without one, this is a single lookup
    in a small index."""
    values = {"user": user.id, "project": project.id}
    if db.scalar(SELECT_OLDEST_RETURN, values) is None:
        return
    claims.start_claim(db, project.id, user.id, now)
    if "leased" in claims.load_leases(db, project.id, user.id, now):
        return
    assignment_id = db.scalar(SELECT_OLDEST_RETURN, values)
    if assignment_id is not None:
        assignment = assignments.get_own_assignment(db, project, assignment_id, user.id)
        reopening.reopen_submission(db, project, assignment, now)


def list_open_returns(db: Session, project: Project, user: User) -> list[tuple[SubmissionReturn, Assignment]]:
    """What this labeler has to submit again, oldest first."""
    query = (
        select(SubmissionReturn, Assignment)
        .join(Assignment, Assignment.id == SubmissionReturn.assignment_id)
        .where(SubmissionReturn.user_id == user.id, SubmissionReturn.project_id == project.id)
        .where(SubmissionReturn.resubmitted_at.is_(None))
        .order_by(SubmissionReturn.id)
    )
    return [(row[0], row[1]) for row in db.execute(query)]


def list_returns(
    db: Session, project: Project, resubmitted: bool | None, cursor: int | None
) -> tuple[list[SubmissionReturn], int | None]:
    """A page of the project's returns, newest first; optionally only those resubmitted, or only open ones."""
    query = select(SubmissionReturn).where(SubmissionReturn.project_id == project.id)
    if resubmitted is not None:
        column = SubmissionReturn.resubmitted_at
        query = query.where(column.is_not(None) if resubmitted else column.is_(None))
    return load_page(db, query, SubmissionReturn.id, cursor)


def list_returns_of(db: Session, assignment: Assignment) -> list[tuple[SubmissionReturn, User | None]]:
    """Every return of one assignment, newest first, with the user who returned it."""
    query = (
        select(SubmissionReturn, User)
        .outerjoin(User, User.id == SubmissionReturn.returned_by)
        .where(SubmissionReturn.assignment_id == assignment.id)
        .order_by(SubmissionReturn.id.desc())
    )
    return [(row[0], row[1]) for row in db.execute(query)]
