"""Who gets what next.

A claim locks the task row (SKIP LOCKED: nobody waits for anybody) and counts the lease on
that row, so the limit is checked on the newest version of what is locked. Counting leases
in a subquery instead over-assigns under concurrency: it reads a snapshot older than the
lock (docs/decisions/queue.md). A check and two unique constraints stand behind it, and a
trigger: no task belongs to a test problem, whoever tries.

Locks are always taken in this order: the labeler's, their assignment's, the sweep's, others'
assignments (skipped where someone works on them), tasks."""

from __future__ import annotations

import datetime as dt
import json

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import Conflict
from app.labeling import control_tasks, previous_submissions
from app.labeling.models import Assignment, Task
from app.projects.models import Project

RESERVATION_TIME = dt.timedelta(minutes=10)

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

LOCK_AND_FIND_EXPIRED = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(:key, 0)), EXISTS (SELECT 1 FROM assignment"
    " WHERE project_id = :project AND lease_expires_at <= :now AND state IN ('reserved', 'leased'))"
)

EXPIRE_LEASES = text(
    """
    WITH gone AS (
        SELECT id FROM assignment
        WHERE project_id = :project AND lease_expires_at <= :now AND state IN ('reserved', 'leased')
        LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), kept AS (
        -- submitted before and taken back: that counts again, and its place stays taken (keeping.py)
        UPDATE earlier_submission e SET ended_at = :now, ended_as = 'kept'
        FROM gone WHERE e.assignment_id = gone.id AND e.ended_at IS NULL RETURNING e.*
    ), restored AS (
        UPDATE assignment SET state = 'submitted', lease_expires_at = NULL,
            submitted_at = kept.submitted_at, finish_reason = kept.finish_reason, comment = kept.comment,
            total_time_ms = kept.total_time_ms, active_time_ms = kept.active_time_ms
        FROM kept WHERE assignment.id = kept.assignment_id
    ), freed AS (
        UPDATE assignment SET state = 'expired', lease_expires_at = NULL
        FROM gone WHERE assignment.id = gone.id AND gone.id NOT IN (SELECT assignment_id FROM kept)
        RETURNING assignment.task_id
    ), counted AS (
        SELECT task_id, count(*) AS freed FROM freed GROUP BY task_id
    )
    UPDATE task SET taken = taken - counted.freed FROM counted WHERE task.id = counted.task_id
    """
)

CLAIM_TASK = text(
    """
    WITH pick AS MATERIALIZED (
        -- mine is asked row by row on purpose: as a join it was seen to sort the whole pool
        SELECT t.id, (SELECT id FROM assignment WHERE task_id = t.id AND user_id = :user) AS mine
        FROM task t
        WHERE t.project_id = :project AND t.taken < t.overlap AND t.withdrawn_at IS NULL
          AND t.kind = 'regular'
          AND coalesce(
              (SELECT state FROM assignment WHERE task_id = t.id AND user_id = :user), 'expired'
          ) = 'expired'
        ORDER BY t.priority DESC, t.id LIMIT 1
        FOR UPDATE OF t SKIP LOCKED
    ), made AS (
        INSERT INTO assignment (project_id, task_id, user_id, state, lease_expires_at, shown, created_at)
        SELECT :project, id, :user, :state, :until, cast(:shown AS jsonb), :now FROM pick WHERE mine IS NULL
        ON CONFLICT DO NOTHING RETURNING *
    ), revived AS (
        UPDATE assignment SET state = :state, lease_expires_at = :until FROM pick
        WHERE assignment.id = pick.mine AND assignment.state = 'expired' RETURNING assignment.*
    ), taken AS (
        SELECT * FROM made UNION ALL SELECT * FROM revived
    ), counted AS (
        UPDATE task SET taken = task.taken + 1 FROM taken WHERE task.id = taken.task_id
    )
    SELECT * FROM taken
    """
)

CLAIM_CONTROL_TASK = text(
    CLAIM_TASK.text.replace(
        "AND t.kind = 'regular'",
        """AND t.kind = :kind AND EXISTS (SELECT 1 FROM known_answer k WHERE k.task_id = t.id)
          -- no gold of a solution they saw before, nor where nothing regular would be handed out
          AND (:kind = 'screening' OR (NOT EXISTS (SELECT 1 FROM assignment a JOIN task o
                  ON o.id = a.task_id WHERE a.user_id = :user AND o.solution_id = t.solution_id
                  AND o.id <> t.id)
              AND EXISTS (SELECT 1 FROM task r WHERE r.project_id = :project
              AND r.kind = 'regular' AND r.taken < r.overlap AND r.withdrawn_at IS NULL)))""",
    )
    .replace("ORDER BY t.priority DESC, t.id", "ORDER BY hashint8extended(t.id, :user)")
    .replace("FOR UPDATE OF t SKIP LOCKED", "FOR UPDATE OF t")
)
"""Of known tasks, in an order of the labeler's own. There is room for everyone, so nobody passes
over a row that someone else has locked for a moment: a screening must not look finished."""

# Built once: a claim runs them. What they give is read anew, whatever the session held before.
SELECT_LEASES = (
    select(Assignment)
    .where(Assignment.user_id == bindparam("user"), Assignment.project_id == bindparam("project"))
    .where(Assignment.state.in_(("reserved", "leased")))
    .execution_options(populate_existing=True)
)
CLAIM_TASK_QUERY, CLAIM_CONTROL_TASK_QUERY = (
    select(Assignment).from_statement(each).execution_options(populate_existing=True)
    for each in (CLAIM_TASK, CLAIM_CONTROL_TASK)
)

INCREMENT_ASSIGNED = text(
    """
    UPDATE task SET taken = taken + 1
    WHERE id = :task AND taken < overlap AND withdrawn_at IS NULL RETURNING id
    """
)


def claim_assignment(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The labeler's lease: the one they have (the same in every tab), else the prefetched
    one, else the most urgent waiting task. None when nothing waits for them."""
    require_open_project(project)
    start_claim(db, project.id, user.id, now)
    if control_tasks.find_block_reason(db, project, user.id):
        return None
    mine = load_leases(db, project.id, user.id, now)
    if "leased" in mine:
        return mine["leased"]
    if "reserved" in mine:
        return grant_lease(mine["reserved"], project, now)
    return _claim_next_task(db, project, user, "leased", now + lease_duration(project), now)


def prefetch_assignment(db: Session, project: Project, user: User, now: dt.datetime) -> Assignment | None:
    """The task after this one, fetched before it is needed. Not used within its short
    lease, it goes back without a word."""
    require_open_project(project)
    start_claim(db, project.id, user.id, now)
    if control_tasks.find_block_reason(db, project, user.id):
        return None
    mine = load_leases(db, project.id, user.id, now)
    if "reserved" in mine:
        return mine["reserved"]
    return _claim_next_task(db, project, user, "reserved", now + RESERVATION_TIME, now)


def reclaim_assignment(
    db: Session, project: Project, user: User, assignment: Assignment, now: dt.datetime
) -> Assignment | None:
    """A lease that ran out, taken again with its ratings. None where someone else has
    the place, or where the labeler holds another solution by now."""
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
    """End a lease before its time; its place is free for others. Ratings stay with it."""
    if assignment.state not in ("leased", "reserved") or previous_submissions.restore_submission(
        db, assignment
    ):
        return
    assignment.state, assignment.lease_expires_at = "expired", None
    db.flush()
    db.execute(update(Task).where(Task.id == assignment.task_id).values(taken=Task.taken - 1))


def start_claim(db: Session, project_id: int, user_id: int, now: dt.datetime) -> None:
    """One claim at a time for one labeler in one project, until this transaction ends:
    sixteen tabs ask in turn and are given the same lease. Then the leases of anyone that
    ran out end, and their places are free again."""
    key = _lock_key(project_id, user_id)
    look = {"key": key, "project": project_id, "now": now}
    if db.execute(LOCK_AND_FIND_EXPIRED, look).one()[1]:
        # one sweep at a time in a project: two that met on the same tasks were seen to deadlock
        db.execute(LOCK, {"key": f"sweep {project_id}"})
        db.execute(EXPIRE_LEASES, {"project": project_id, "now": now})


def lock_labeler(db: Session, project_id: int, user_id: int) -> None:
    """The first lock of `enter` by itself, for what changes an assignment before it claims."""
    db.execute(LOCK, {"key": _lock_key(project_id, user_id)})


def _lock_key(project_id: int, user_id: int) -> str:
    return f"desk {project_id} {user_id}"


def load_leases(db: Session, project_id: int, user_id: int, now: dt.datetime) -> dict[str, Assignment]:
    """What the labeler holds now, by state: at most one leased and one reserved."""
    found = db.scalars(SELECT_LEASES, {"user": user_id, "project": project_id}).all()
    for held in found:
        if held.lease_expires_at is not None and held.lease_expires_at <= now:
            # a sweep passes over a row that a save in another tab has locked; wait for that
            db.refresh(held, with_for_update=True)
            release_assignment(db, held)
    return {held.state: held for held in found if held.state in ("reserved", "leased")}


def grant_lease(assignment: Assignment, project: Project, now: dt.datetime) -> Assignment:
    assignment.state, assignment.lease_expires_at = "leased", now + lease_duration(project)
    if assignment.shown.get("instructions") != project.instructions_number:  # prefetched under older ones
        assignment.shown = {**assignment.shown, "instructions": project.instructions_number}
    return assignment


def lease_duration(project: Project) -> dt.timedelta:
    return dt.timedelta(minutes=project.lease_minutes)


def require_open_project(project: Project) -> None:
    if project.archived_at is not None:
        raise Conflict("This project is archived.", remedy="Ask its admin to open it again.")


def _claim_next_task(
    db: Session, project: Project, user: User, state: str, until: dt.datetime, now: dt.datetime
) -> Assignment | None:
    shown: dict[str, object] = {"reference_answer": project.show_reference == "shown", "mode": project.mode}
    shown["instructions"] = project.instructions_number
    values = {"project": project.id, "user": user.id, "state": state, "until": until, "now": now}
    values["shown"] = json.dumps(shown)
    for kind in control_tasks.choose_task_kinds(db, project, user.id):
        taken: Assignment | None = db.scalar(
            CLAIM_TASK_QUERY if kind == "regular" else CLAIM_CONTROL_TASK_QUERY, {**values, "kind": kind}
        )
        if taken:
            return taken
    return None
