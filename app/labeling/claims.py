"""Which labeler gets which task next.

A claim locks the task row with SKIP LOCKED, so that nobody waits for anybody, and counts the lease on
that row, so that the limit is checked on the newest version of the locked row. Counting leases in a
subquery over-assigns under concurrency, because the subquery reads a snapshot older than the lock
(docs/decisions/queue.md). A check, two unique constraints and a trigger (no task for a test problem)
back this up.

Locks are always taken in this order: the labeler's, their assignment's, the sweep's, other
assignments (skipped while someone works on them), tasks."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import Conflict
from app.labeling import control_tasks
from app.labeling.claim_sql import (
    CLAIM_CONTROL_TASK_QUERY,
    CLAIM_TASK_QUERY,
    END_EXPIRED_LEASES,
    END_LEASE,
    INCREMENT_ASSIGNED,
    LOCK,
    LOCK_AND_FIND_EXPIRED,
    SELECT_LEASES,
)
from app.labeling.models import Assignment
from app.projects.models import Project

RESERVATION_TIME = dt.timedelta(minutes=10)


def claim_assignment(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The labeler's lease: the current one (the same in every tab), else the prefetched one, else a
    lease on the next task. None if there is no task for them."""
    require_open_project(project)
    start_claim(db, project.id, user.id, now)
    if control_tasks.find_block_reason(db, project, user.id):
        return None
    leases = load_leases(db, project.id, user.id, now)
    if "leased" in leases:
        return leases["leased"]
    if "reserved" in leases:
        return grant_lease(leases["reserved"], project, now)
    return _claim_next_task(db, project, user, "leased", now + lease_duration(project), now)


def prefetch_assignment(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The task after the current one, reserved ahead for a short time."""
    require_open_project(project)
    start_claim(db, project.id, user.id, now)
    if control_tasks.find_block_reason(db, project, user.id):
        return None
    leases = load_leases(db, project.id, user.id, now)
    if "reserved" in leases:
        return leases["reserved"]
    return _claim_next_task(db, project, user, "reserved", now + RESERVATION_TIME, now)


def reclaim_assignment(
    db: Session, project: Project, user: User, assignment: Assignment, now: dt.datetime
) -> Assignment | None:
    """A new lease on an expired assignment, with its ratings. None if the task has no room left, or
    the labeler works on another one."""
    require_open_project(project)
    start_claim(db, project.id, user.id, now)
    db.refresh(assignment, with_for_update=True)
    if assignment.state == "leased":
        return assignment
    if assignment.state != "expired" or "leased" in load_leases(db, project.id, user.id, now):
        return None
    if db.scalar(INCREMENT_ASSIGNED, {"task": assignment.task_id}) is None:
        return None
    return grant_lease(assignment, project, now)


def release_assignment(db: Session, assignment: Assignment) -> None:
    """End a lease early. Others can get the task; the ratings stay with the assignment. A reopened
    assignment gets its previous submission back."""
    if assignment.state in ("leased", "reserved"):
        db.flush()
        db.execute(END_LEASE, {"assignment": assignment.id})
        db.refresh(assignment)


def start_claim(db: Session, project_id: int, user_id: int, now: dt.datetime) -> None:
    """Lock the labeler in this project until the transaction ends, so that several tabs claim in turn
    and get the same lease. Then end every expired lease of the project."""
    key = _lock_key(project_id, user_id)
    if db.execute(LOCK_AND_FIND_EXPIRED, {"key": key, "project": project_id, "now": now}).one()[1]:
        # one sweep at a time in a project: two that met on the same tasks were seen to deadlock
        db.execute(LOCK, {"key": f"sweep {project_id}"})
        db.execute(END_EXPIRED_LEASES, {"project": project_id, "now": now})


def lock_labeler(db: Session, project_id: int, user_id: int) -> None:
    """The first lock of start_claim alone, for code that changes an assignment before it claims."""
    db.execute(LOCK, {"key": _lock_key(project_id, user_id)})


def _lock_key(project_id: int, user_id: int) -> str:
    return f"desk {project_id} {user_id}"


def load_leases(db: Session, project_id: int, user_id: int, now: dt.datetime) -> dict[str, Assignment]:
    """The labeler's current leases by state: at most one leased and one reserved."""
    assignments = db.scalars(SELECT_LEASES, {"user": user_id, "project": project_id}).all()
    for assignment in assignments:
        if assignment.lease_expires_at is not None and assignment.lease_expires_at <= now:
            # a sweep skips a row that a save in another tab has locked: wait for that save
            db.refresh(assignment, with_for_update=True)
            release_assignment(db, assignment)
    return {lease.state: lease for lease in assignments if lease.state in ("reserved", "leased")}


def grant_lease(assignment: Assignment, project: Project, now: dt.datetime) -> Assignment:
    assignment.state, assignment.lease_expires_at = "leased", now + lease_duration(project)
    assignment.instructions_version = project.instructions_number  # newer than when it was prefetched
    return assignment


def lease_duration(project: Project) -> dt.timedelta:
    return dt.timedelta(minutes=project.lease_minutes)


def require_open_project(project: Project) -> None:
    if project.archived_at is not None:
        raise Conflict("This project is archived.", remedy="Ask a project admin to restore it.")


def _claim_next_task(
    db: Session, project: Project, user: User, state: str, until: dt.datetime, now: dt.datetime
) -> Assignment | None:
    values = {
        "project": project.id,
        "user": user.id,
        "state": state,
        "until": until,
        "now": now,
        "mode": project.mode,
        "instructions": project.instructions_number,
        "reference": project.reference_visibility == "shown",
    }
    for kind in control_tasks.choose_task_kinds(db, project, user.id):
        query = CLAIM_TASK_QUERY if kind == "regular" else CLAIM_CONTROL_TASK_QUERY
        assignment: Assignment | None = db.scalar(query, {**values, "kind": kind})
        if assignment:
            return assignment
    return None
