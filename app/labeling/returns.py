"""A judgement goes back to its labeler with a reason. It comes first at their desk; until they
submit it again the label stays what it was, and afterwards it is kept beside the new one."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.labeling import assignments, claims, reopening
from app.labeling.beside import SubmissionReturn
from app.labeling.models import Assignment
from app.projects import members
from app.projects.models import Project

MAX_REASON_LENGTH = 2000

SELECT_OLDEST_RETURN = text(
    "SELECT r.assignment_id FROM task_return r JOIN assignment a ON a.id = r.assignment_id"
    " WHERE r.user_id = :user AND r.project_id = :project AND r.answered_at IS NULL"
    " AND a.state = 'submitted' ORDER BY r.id LIMIT 1"
)


def return_submission(
    db: Session, project: Project, assignment_id: int, actor: User, reason: str, now: dt.datetime
) -> SubmissionReturn:
    """Return a submitted assignment to who made it. The caller has checked that `actor` may
    (a researcher, or an adjudicator of the project)."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON_LENGTH:
        raise Invalid(
            "A return needs a reason.", remedy=f"Say what to look at, in up to {MAX_REASON_LENGTH} letters."
        )
    found = _lock_assignment(db, project, assignment_id)
    _require_returnable(db, project, found)
    made = SubmissionReturn(
        project_id=project.id,
        assignment_id=found.id,
        user_id=found.user_id,
        returned_by=actor.id,
        reason=reason,
        at=now,
    )
    db.add(made)
    db.flush()
    audit.record_event(
        db, actor, "assignment.return", str(found.id), {"reason": reason}, project_id=project.id
    )
    return made


def _lock_assignment(db: Session, project: Project, assignment_id: int) -> Assignment:
    """In the order of queue.py: its labeler's lock, then its own."""
    owner = db.scalar(
        select(Assignment.user_id).where(Assignment.id == assignment_id, Assignment.project_id == project.id)
    )
    if owner is None:
        raise NotFound("There is no such assignment in this project.", remedy="It may be another project's.")
    claims.lock_labeler(db, project.id, owner)
    return assignments.get_own_assignment(db, project, assignment_id, owner)


def _require_returnable(db: Session, project: Project, found: Assignment) -> None:
    owner = db.get(User, found.user_id)
    if found.state != "submitted":
        raise Conflict("It is on its labeler's desk already.", remedy="Wait until it is submitted.")
    if found.origin is not None:
        raise Conflict("This judgement was imported.", remedy="Queue the solution for a labeler instead.")
    if owner is None or owner.disabled_at is not None or members.find_role(db, project, owner) is None:
        raise Conflict(
            "Its labeler is not in the project any more.", remedy="Queue the solution for another labeler."
        )
    if reopening.find_open_return(db, found):
        raise Conflict("It is returned already.", remedy="It comes first at its labeler's desk.")


def assign_oldest_return(db: Session, project: Project, user: User, now: dt.datetime) -> None:
    """Put the oldest return on the labeler's desk, if that is free. One look into a small index
    when there is none."""
    if db.scalar(SELECT_OLDEST_RETURN, {"user": user.id, "project": project.id}) is None:
        return
    claims.start_claim(db, project.id, user.id, now)
    if "leased" in claims.load_leases(db, project.id, user.id, now):
        return
    again = db.scalar(SELECT_OLDEST_RETURN, {"user": user.id, "project": project.id})
    if again is not None:
        reopening.reopen_submission(
            db, project, assignments.get_own_assignment(db, project, again, user.id), now
        )


def list_open_returns(db: Session, project: Project, user: User) -> list[tuple[SubmissionReturn, Assignment]]:
    """What came back to this labeler and is not answered, oldest first."""
    wanted = (
        select(SubmissionReturn, Assignment)
        .join(Assignment, Assignment.id == SubmissionReturn.assignment_id)
        .where(SubmissionReturn.user_id == user.id, SubmissionReturn.project_id == project.id)
        .where(SubmissionReturn.answered_at.is_(None))
        .order_by(SubmissionReturn.id)
    )
    return [(row[0], row[1]) for row in db.execute(wanted)]


def list_returns(
    db: Session, project: Project, answered: bool | None = None, most: int = 500
) -> list[SubmissionReturn]:
    """Of the project, newest first; only those that are answered, or that wait."""
    wanted = select(SubmissionReturn).where(SubmissionReturn.project_id == project.id)
    if answered is not None:
        wanted = wanted.where(
            SubmissionReturn.answered_at.is_not(None) if answered else SubmissionReturn.answered_at.is_(None)
        )
    return list(db.scalars(wanted.order_by(SubmissionReturn.id.desc()).limit(most)))


def list_returns_of(db: Session, assignment: Assignment) -> list[tuple[SubmissionReturn, User | None]]:
    """Every return of it, newest first, with who returned it."""
    wanted = (
        select(SubmissionReturn, User)
        .outerjoin(User, User.id == SubmissionReturn.returned_by)
        .where(SubmissionReturn.assignment_id == assignment.id)
        .order_by(SubmissionReturn.id.desc())
    )
    return [(row[0], row[1]) for row in db.execute(wanted)]
