"""What was submitted before is kept: while it is on the desk again, after it was replaced, and
where the labeler left it at that (docs/decisions/reopening.md).

A reopened assignment carries `shown["reopened"]`, how often it was; others are not looked at."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.labeling.beside import PreviousSubmission, SubmissionReturn
from app.labeling.models import Assignment, StepLabel

RESTORE_SUBMISSION = text(
    """
    WITH kept AS (
        UPDATE earlier_submission SET ended_at = now(), ended_as = 'kept'
        WHERE assignment_id = :assignment AND ended_at IS NULL RETURNING *
    )
    UPDATE assignment SET state = 'submitted', lease_expires_at = NULL, submitted_at = kept.submitted_at,
        finish_reason = kept.finish_reason, comment = kept.comment,
        total_time_ms = kept.total_time_ms, active_time_ms = kept.active_time_ms
    FROM kept WHERE assignment.id = kept.assignment_id RETURNING assignment.id
    """
)
"""Set-based in the sweep too (queue.SWEEP)."""


def store_previous_submission(db: Session, assignment: Assignment, why: str, now: dt.datetime) -> None:
    """Before an assignment goes back on the desk. Its label stays in place until the next."""
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
            why=why,
            taken_back_at=now,
        )
    )
    assignment.shown = {**assignment.shown, "reopened": assignment.shown.get("reopened", 0) + 1}
    db.flush()


def close_previous_submission(db: Session, assignment: Assignment, now: dt.datetime) -> None:
    """The next submission is here: the label before it gives way, and a return is answered."""
    if not assignment.shown.get("reopened"):
        return
    db.execute(delete(StepLabel).where(StepLabel.assignment_id == assignment.id))
    db.execute(
        update(PreviousSubmission)
        .where(PreviousSubmission.assignment_id == assignment.id, PreviousSubmission.ended_at.is_(None))
        .values(ended_at=now, ended_as="replaced")
    )
    db.execute(
        update(SubmissionReturn)
        .where(SubmissionReturn.assignment_id == assignment.id, SubmissionReturn.answered_at.is_(None))
        .values(answered_at=now)
    )


def restore_submission(db: Session, assignment: Assignment) -> bool:
    """Left without a new submission: what was submitted before counts again, its place in the
    queue stays taken. False where there was nothing before."""
    if not assignment.shown.get("reopened"):
        return False
    if db.scalar(RESTORE_SUBMISSION, {"assignment": assignment.id}) is None:
        return False
    db.refresh(assignment)
    return True


def list_previous_submissions(db: Session, assignment: Assignment) -> list[PreviousSubmission]:
    """Newest first."""
    return list(
        db.scalars(
            select(PreviousSubmission)
            .where(PreviousSubmission.assignment_id == assignment.id)
            .order_by(PreviousSubmission.id.desc())
        )
    )
