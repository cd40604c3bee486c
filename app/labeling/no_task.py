"""Why nothing waits for a labeler, and what to do about it: asked only where a claim found nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling import control_tasks
from app.projects.models import Project

SELECT_QUEUE_STATE = text(
    """
    SELECT EXISTS (SELECT 1 FROM task t WHERE t.project_id = :project AND t.kind = 'regular'
            AND t.withdrawn_at IS NULL) AS queued,
        EXISTS (SELECT 1 FROM task t WHERE t.project_id = :project AND t.kind = 'regular'
            AND t.withdrawn_at IS NULL AND t.taken < t.overlap) AS for_others,
        (SELECT count(*) FROM assignment a WHERE a.project_id = :project AND a.user_id <> :user
            AND a.state IN ('reserved', 'leased')) AS on_desks,
        (SELECT count(*) FROM assignment a JOIN task t ON t.id = a.task_id WHERE a.project_id = :project
            AND a.user_id = :user AND a.state = 'submitted' AND t.kind = 'regular') AS judged,
        EXISTS (SELECT 1 FROM sampling_item i JOIN sampling_run r ON r.id = i.sampling_run_id
            WHERE r.project_id = :project AND r.purpose = 'alternatives' AND i.state = 'waiting'
            AND r.state IN ('queued', 'running')) AS preparing,
        (SELECT screened FROM standing WHERE project_id = :project AND user_id = :user) AS screened
    """
)


@dataclass(frozen=True)
class NoTaskReason:
    code: str
    """paused, screening_failed, screened, preparing, queue_empty, none_left_for_you, none_left."""
    title: str
    message: str
    action: str
    blocked: bool = False
    """Looking again does not help: somebody has to do something first."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


QUEUE_ACTION = "Queue the solutions that were never labeled, or start a round on the board."


def explain_no_task(db: Session, project: Project, user: User, queues: bool = False) -> NoTaskReason:
    """`queues`: whether they may fill the queue themselves."""
    if barred := control_tasks.find_block_reason(db, project, user.id):
        return blocked_reason(barred)
    if control_tasks.is_in_screening(db, project, user.id):
        return NoTaskReason(
            "screening", "Your first solutions are being looked at",
            "You have judged every solution of the screening; not all of them are counted yet.",
            "Look again in a moment. If this stays, tell an admin of the project.",
        )  # fmt: skip
    found = db.execute(SELECT_QUEUE_STATE, {"project": project.id, "user": user.id}).one()
    if found.preparing and not found.for_others:
        return NoTaskReason(
            "preparing", "The next solutions are being prepared",
            "Each comes as soon as the other candidates for its steps are there.",
            "This page looks again by itself.",
        )  # fmt: skip
    if not found.queued:
        return NoTaskReason(
            "queue_empty", "Nothing is queued yet",
            ("You passed the screening. " if found.screened == "passed" else "")
            + "This project has no solutions in its queue so far.",
            QUEUE_ACTION if queues else "They appear here once a researcher queues some.",
        )  # fmt: skip
    if found.screened == "passed" and not found.judged:
        return NoTaskReason(
            "screened", "You passed the screening",
            "Regular solutions come next, but none is free just now." + describe_in_progress(found.on_desks),
            "This page looks again by itself.",
        )  # fmt: skip
    if found.for_others:
        return NoTaskReason(
            "none_left_for_you", "You have judged all that is yours",
            "What still waits needs a second opinion: someone else’s, as you have given yours.",
            "New solutions appear here by themselves.",
        )  # fmt: skip
    return NoTaskReason(
        "none_left", "Nothing waits for you",
        "Every queued solution is finished or on someone’s desk." + describe_in_progress(found.on_desks),
        "New solutions, and those that are given back, appear here by themselves.",
    )  # fmt: skip


def blocked_reason(barred: control_tasks.BlockReason) -> NoTaskReason:
    title = "The desk is closed for you for now"
    return NoTaskReason(barred.code, title, barred.message, barred.action, blocked=True)


def describe_in_progress(count: int) -> str:
    if not count:
        return ""
    return f" {count} {'is' if count == 1 else 'are'} on other desks and may come back."
