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
from app.labeling.beside import TaskReturn
from app.labeling.models import Assignment
from app.projects import members
from app.projects.models import Project

LONGEST = 2000

WAITING = text(
    "SELECT r.assignment_id FROM task_return r JOIN assignment a ON a.id = r.assignment_id"
    " WHERE r.user_id = :user AND r.project_id = :project AND r.answered_at IS NULL"
    " AND a.state = 'submitted' ORDER BY r.id LIMIT 1"
)


def give_back(
    db: Session, project: Project, assignment_id: int, actor: User, reason: str, now: dt.datetime
) -> TaskReturn:
    """Return a submitted assignment to who made it. The caller has checked that `actor` may
    (a researcher, or an adjudicator of the project)."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST:
        raise Invalid("A return needs a reason.", remedy=f"Say what to look at, in up to {LONGEST} letters.")
    found = _locked(db, project, assignment_id)
    _check(db, project, found)
    made = TaskReturn(
        project_id=project.id,
        assignment_id=found.id,
        user_id=found.user_id,
        returned_by=actor.id,
        reason=reason,
        at=now,
    )
    db.add(made)
    db.flush()
    audit.record(db, actor, "assignment.return", str(found.id), {"reason": reason}, project_id=project.id)
    return made


def _locked(db: Session, project: Project, assignment_id: int) -> Assignment:
    """In the order of queue.py: its labeler's lock, then its own."""
    owner = db.scalar(
        select(Assignment.user_id).where(Assignment.id == assignment_id, Assignment.project_id == project.id)
    )
    if owner is None:
        raise NotFound("There is no such assignment in this project.", remedy="It may be another project's.")
    claims.lock_labeler(db, project.id, owner)
    return assignments.mine(db, project, assignment_id, owner)


def _check(db: Session, project: Project, found: Assignment) -> None:
    owner = db.get(User, found.user_id)
    if found.state != "submitted":
        raise Conflict("It is on its labeler's desk already.", remedy="Wait until it is submitted.")
    if found.origin is not None:
        raise Conflict("This judgement was imported.", remedy="Queue the solution for a labeler instead.")
    if owner is None or owner.disabled_at is not None or members.role_of(db, project, owner) is None:
        raise Conflict(
            "Its labeler is not in the project any more.", remedy="Queue the solution for another labeler."
        )
    if reopening.returned(db, found):
        raise Conflict("It is returned already.", remedy="It comes first at its labeler's desk.")


def take_up(db: Session, project: Project, user: User, now: dt.datetime) -> None:
    """Put the oldest return on the labeler's desk, if that is free. One look into a small index
    when there is none."""
    if db.scalar(WAITING, {"user": user.id, "project": project.id}) is None:
        return
    claims.enter(db, project.id, user.id, now)
    if "leased" in claims.leases(db, project.id, user.id, now):
        return
    again = db.scalar(WAITING, {"user": user.id, "project": project.id})
    if again is not None:
        reopening.reopen(db, project, assignments.mine(db, project, again, user.id), now)


def waiting(db: Session, project: Project, user: User) -> list[tuple[TaskReturn, Assignment]]:
    """What came back to this labeler and is not answered, oldest first."""
    wanted = (
        select(TaskReturn, Assignment)
        .join(Assignment, Assignment.id == TaskReturn.assignment_id)
        .where(TaskReturn.user_id == user.id, TaskReturn.project_id == project.id)
        .where(TaskReturn.answered_at.is_(None))
        .order_by(TaskReturn.id)
    )
    return [(row[0], row[1]) for row in db.execute(wanted)]


def newest(db: Session, project: Project, answered: bool | None = None, most: int = 500) -> list[TaskReturn]:
    """Of the project, newest first; only those that are answered, or that wait."""
    wanted = select(TaskReturn).where(TaskReturn.project_id == project.id)
    if answered is not None:
        wanted = wanted.where(
            TaskReturn.answered_at.is_not(None) if answered else TaskReturn.answered_at.is_(None)
        )
    return list(db.scalars(wanted.order_by(TaskReturn.id.desc()).limit(most)))


def of(db: Session, assignment: Assignment) -> list[tuple[TaskReturn, User | None]]:
    """Every return of it, newest first, with who returned it."""
    wanted = (
        select(TaskReturn, User)
        .outerjoin(User, User.id == TaskReturn.returned_by)
        .where(TaskReturn.assignment_id == assignment.id)
        .order_by(TaskReturn.id.desc())
    )
    return [(row[0], row[1]) for row in db.execute(wanted)]
