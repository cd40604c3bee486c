"""Labeler status: unpause a labeler, reset a screening."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.display_name import DISPLAY_NAME
from app.accounts.models import User
from app.core.errors import NotFound
from app.labeling.models import Assignment, LabelerStatus, Task
from app.projects.models import Membership, Project

SELECT_SCREENINGS = text(
    """
    DELETE FROM assignment a USING task t WHERE t.id = a.task_id AND t.kind = 'screening'
      AND a.project_id = :project AND a.user_id = :user AND a.import_origin IS NULL
    RETURNING a.id, a.state IN ('leased', 'reserved', 'submitted') AS counted, t.id AS task_id
    """
)


def get_labeler_status(db: Session, project: Project, user_id: int) -> LabelerStatus:
    status = db.get(LabelerStatus, (project.id, user_id))
    if status is None:
        raise NotFound("This labeler has no status in the project.", remedy="Reload the labeler's page.")
    return status


def get_labeler(db: Session, project: Project, user_id: int) -> User:
    user = db.get(User, user_id) if 0 < user_id < 2**62 else None
    has_work = text("SELECT 1 FROM assignment WHERE project_id = :project AND user_id = :user LIMIT 1")
    if user is None or (
        db.get(Membership, (project.id, user_id)) is None
        and db.scalar(has_work, {"project": project.id, "user": user_id}) is None
    ):
        raise NotFound("Labeler not found.", remedy="Go back to the quality page.")
    return user


def get_submission(db: Session, project: Project, assignment_id: int) -> Row[int, int]:
    """Labeler and solution of a submission."""
    query = (
        select(Assignment.user_id, Task.solution_id)
        .join(Task, Task.id == Assignment.task_id)
        .where(Assignment.id == assignment_id, Assignment.project_id == project.id)
    )
    if (submission := db.execute(query).one_or_none()) is None:
        raise NotFound("Submission not found.", remedy="Reload the page.")
    return submission


def load_names(db: Session, ids: Iterable[int]) -> dict[int, str]:
    """Display names by user ID."""
    rows = db.execute(select(User.id, DISPLAY_NAME).where(User.id.in_(set(ids))).order_by(User.id))
    return {row[0]: row[1] for row in rows}


def unpause_labeler(db: Session, project: Project, user_id: int, actor: User, now: dt.datetime) -> None:
    """End a pause. Earlier gold tasks no longer count."""
    status = get_labeler_status(db, project, user_id)
    detail = {"user_id": user_id, "was": status.pause_reason}
    status.paused_at, status.pause_reason, status.gold_counted_from = None, "", now
    audit.record_event(db, actor, "labeler.lift", project.name, detail, project_id=project.id)


def reset_screening(db: Session, project: Project, user_id: int, actor: User) -> None:
    """Delete the screening submissions, so that the labeler can retry. The audit log keeps the result."""
    status = get_labeler_status(db, project, user_id)
    gone = db.execute(SELECT_SCREENINGS, {"project": project.id, "user": user_id}).all()
    counted = [row.task_id for row in gone if row.counted]
    db.execute(
        text("UPDATE task SET assigned_count = assigned_count - 1 WHERE id = ANY(:ids)"), {"ids": counted}
    )
    detail = {
        "user_id": user_id,
        "was": status.screening_result,
        "score": status.screening_score,
        "tasks": len(gone),
    }
    status.screening_result, status.screening_score, status.screened_at = None, None, None
    audit.record_event(db, actor, "screening.reset", project.name, detail, project_id=project.id)
