"""The SQL statements of claims.py: locking, ending leases and claiming tasks."""

from __future__ import annotations

from sqlalchemy import TextClause, bindparam, select, text

from app.labeling.models import Assignment

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

LOCK_AND_FIND_EXPIRED = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(:key, 0)), EXISTS (SELECT 1 FROM assignment"
    " WHERE project_id = :project AND lease_expires_at <= :now AND state IN ('reserved', 'leased'))"
)


def _end_leases(selection: str) -> TextClause:
    """A statement that ends the leases that `selection` locks. Most expire, and their tasks are free
    again. A reopened assignment gets its previous submission back and stays counted (reopening.py)."""
    return text(
        f"""
        WITH ending AS (SELECT id FROM assignment WHERE {selection}), closed AS (
            UPDATE previous_submission p SET ended_at = now(), outcome = 'restored'
            FROM ending WHERE p.assignment_id = ending.id AND p.ended_at IS NULL RETURNING p.*
        ), restored AS (
            UPDATE assignment SET state = 'submitted', lease_expires_at = NULL,
                submitted_at = closed.submitted_at, finish_reason = closed.finish_reason,
                comment = closed.comment, total_time_ms = closed.total_time_ms,
                active_time_ms = closed.active_time_ms
            FROM closed WHERE assignment.id = closed.assignment_id
        ), expired AS (
            UPDATE assignment SET state = 'expired', lease_expires_at = NULL FROM ending
            WHERE assignment.id = ending.id AND ending.id NOT IN (SELECT assignment_id FROM closed)
            RETURNING assignment.task_id
        ), freed AS (
            SELECT task_id, count(*) AS leases FROM expired GROUP BY task_id
        )
        UPDATE task SET assigned_count = assigned_count - freed.leases
        FROM freed WHERE task.id = freed.task_id
        """  # noqa: S608  the parts are ours
    )


END_EXPIRED_LEASES = _end_leases(
    "project_id = :project AND lease_expires_at <= :now AND state IN ('reserved', 'leased')"
    " LIMIT 1000 FOR UPDATE SKIP LOCKED"
)
END_LEASE = _end_leases("id = :assignment AND state IN ('reserved', 'leased') FOR UPDATE")


def _claim_task(condition: str, order: str, lock: str) -> TextClause:
    """A statement that claims the first task by `order` that meets `condition` and has room."""
    return text(
        f"""
        WITH pick AS MATERIALIZED (
            -- own is a subquery per row on purpose: as a join, Postgres was seen to sort the whole queue
            SELECT t.id, (SELECT id FROM assignment WHERE task_id = t.id AND user_id = :user) AS own
            FROM task t
            WHERE t.project_id = :project AND t.assigned_count < t.overlap AND t.withdrawn_at IS NULL
              AND {condition}
              AND coalesce(
                  (SELECT state FROM assignment WHERE task_id = t.id AND user_id = :user), 'expired'
              ) = 'expired'
            ORDER BY {order} LIMIT 1
            {lock}
        ), created AS (
            INSERT INTO assignment (project_id, task_id, user_id, state, lease_expires_at, mode,
                instructions_version, reference_shown, created_at)
            SELECT :project, id, :user, :state, :until, :mode, :instructions, :reference, :now
            FROM pick WHERE own IS NULL
            ON CONFLICT DO NOTHING RETURNING *
        ), revived AS (
            UPDATE assignment SET state = :state, lease_expires_at = :until FROM pick
            WHERE assignment.id = pick.own AND assignment.state = 'expired' RETURNING assignment.*
        ), claimed AS (
            SELECT * FROM created UNION ALL SELECT * FROM revived
        ), counted AS (
            UPDATE task SET assigned_count = task.assigned_count + 1
            FROM claimed WHERE task.id = claimed.task_id
        )
        SELECT * FROM claimed
        """  # noqa: S608  the parts are ours
    )


CLAIM_TASK = _claim_task("t.kind = 'regular'", "t.priority DESC, t.id", lock="FOR UPDATE OF t SKIP LOCKED")
CLAIM_CONTROL_TASK = _claim_task(
    """t.kind = :kind AND EXISTS (SELECT 1 FROM control_answer k WHERE k.task_id = t.id)
        -- no gold of a solution they saw before, and none where no regular task is available
        AND (:kind = 'screening' OR (
            NOT EXISTS (SELECT 1 FROM assignment a JOIN task o ON o.id = a.task_id
                WHERE a.user_id = :user AND o.solution_id = t.solution_id AND o.id <> t.id)
            AND EXISTS (SELECT 1 FROM task r WHERE r.project_id = :project AND r.kind = 'regular'
                AND r.assigned_count < r.overlap AND r.withdrawn_at IS NULL)))""",
    "hashint8extended(t.id, :user)",
    lock="FOR UPDATE OF t",
)
"""Control tasks come in an order of the labeler's own. They have room for everyone, so a claim waits
for a locked row instead of skipping it; otherwise a screening could look complete."""

# Built once because every claim runs them. populate_existing: read the row anew, whatever the session has.
SELECT_LEASES = (
    select(Assignment)
    .where(Assignment.user_id == bindparam("user"), Assignment.project_id == bindparam("project"))
    .where(Assignment.state.in_(("reserved", "leased")))
    .execution_options(populate_existing=True)
)
CLAIM_TASK_QUERY, CLAIM_CONTROL_TASK_QUERY = (
    select(Assignment).from_statement(statement).execution_options(populate_existing=True)
    for statement in (CLAIM_TASK, CLAIM_CONTROL_TASK)
)

INCREMENT_ASSIGNED = text(
    """
    UPDATE task SET assigned_count = assigned_count + 1
    WHERE id = :task AND assigned_count < overlap AND withdrawn_at IS NULL RETURNING id
    """
)
