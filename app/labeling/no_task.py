"""Why there is no task for a labeler, and what to do about it. Only asked after a claim found none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.display_name import display_name_sql
from app.accounts.models import User
from app.labeling import control_tasks
from app.projects.models import Project

SELECT_QUEUE_STATE = text(
    """
    SELECT EXISTS (SELECT 1 FROM task t WHERE t.project_id = :project AND t.kind = 'regular'
            AND t.withdrawn_at IS NULL) AS queued,
        EXISTS (SELECT 1 FROM task t WHERE t.project_id = :project AND t.kind = 'regular'
            AND t.withdrawn_at IS NULL AND t.assigned_count < t.overlap) AS for_others,
        (SELECT count(*) FROM assignment a WHERE a.project_id = :project AND a.user_id <> :user
            AND a.state IN ('reserved', 'leased')) AS in_progress,
        (SELECT count(*) FROM assignment a JOIN task t ON t.id = a.task_id WHERE a.project_id = :project
            AND a.user_id = :user AND a.state = 'submitted' AND t.kind = 'regular') AS submitted,
        EXISTS (SELECT 1 FROM solution_awaiting_alternatives
            WHERE project_id = :project AND state = 'queued') AS preparing,
        (SELECT screening_result FROM labeler_status WHERE project_id = :project AND user_id = :user)
            AS screening_result
    """
)


SELECT_ADMINS = text(
    f"SELECT {display_name_sql('u')} FROM membership m JOIN user_account u ON u.id = m.user_id"  # noqa: S608
    " WHERE m.project_id = :project AND m.role = 'admin' AND u.disabled_at IS NULL ORDER BY 1 LIMIT 5"
)
"""Whom a labeler may ask."""


@dataclass(frozen=True)
class NoTaskReason:
    code: str
    """paused, screening_failed, screening, screened, preparing, queue_empty, none_left_for_you or
    none_left."""
    title: str
    message: str
    action: str
    blocked: bool = False
    """Refreshing does not help: someone has to act first."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


SCREENING = NoTaskReason(
    "screening",
    "Your screening is being scored",
    "You have submitted every screening task; not all of them are scored yet.",
    "Refresh in a moment. If this does not change, tell a project admin.",
)
PREPARING = NoTaskReason(
    "preparing",
    "The next tasks are being prepared",
    "Each task appears when the alternatives for its steps are ready.",
    "This page refreshes by itself.",
)
NONE_LEFT_FOR_YOU = NoTaskReason(
    "none_left_for_you",
    "Nothing left for you",
    "Remaining tasks need a different labeler.",
    "New tasks appear here by themselves.",
)


def explain_no_task(db: Session, project: Project, user: User, can_queue: bool = False) -> NoTaskReason:
    """`can_queue`: whether they may queue solutions themselves."""
    if block := control_tasks.find_block_reason(db, project, user.id):
        return blocked_reason(db, project, block)
    if control_tasks.is_in_screening(db, project, user.id):
        return SCREENING
    queue = db.execute(SELECT_QUEUE_STATE, {"project": project.id, "user": user.id}).one()
    has_passed = queue.screening_result == "passed"
    if queue.preparing and not queue.for_others:
        return PREPARING
    if not queue.queued:
        return _queue_empty(has_passed, can_queue)
    if has_passed and not queue.submitted:
        return _screened(queue.in_progress)
    if queue.for_others:
        return NONE_LEFT_FOR_YOU
    return _none_left(queue.in_progress)


def blocked_reason(db: Session, project: Project, block: control_tasks.BlockReason) -> NoTaskReason:
    title = "You cannot label in this project right now"
    admins = list(db.scalars(SELECT_ADMINS, {"project": project.id}))
    contact = f" Admins of this project: {', '.join(admins)}." if admins else ""
    return NoTaskReason(block.code, title, block.message, block.action + contact, blocked=True)


def _queue_empty(has_passed: bool, can_queue: bool) -> NoTaskReason:
    return NoTaskReason(
        "queue_empty",
        "The queue is empty",
        ("You passed the screening. " if has_passed else "") + "No solutions are queued in this project yet.",
        "Queue solutions that were never labeled, or start a round on the dashboard."
        if can_queue
        else "Tasks appear here when a researcher queues solutions.",
    )


def _screened(in_progress: int) -> NoTaskReason:
    return NoTaskReason(
        "screened",
        "You passed the screening",
        "Regular tasks come next, but none is available right now." + describe_in_progress(in_progress),
        "This page refreshes by itself.",
    )


def _none_left(in_progress: int) -> NoTaskReason:
    return NoTaskReason(
        "none_left",
        "No tasks available",
        "Every queued solution is submitted or in progress." + describe_in_progress(in_progress),
        "New and released tasks appear here by themselves.",
    )


def describe_in_progress(count: int) -> str:
    if not count:
        return ""
    return f" {count} {'is' if count == 1 else 'are'} in progress and may return to the queue."
