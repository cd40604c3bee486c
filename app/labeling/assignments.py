"""The life of an assignment: reserved -> leased -> submitted, and what may happen when.

What is current is derived from rating events (events.py), and a submission freezes it into
step_label. Every refusal says what happened, what was kept and what to do; nothing that was valid
before it is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.labeling import control_tasks, pace, previous_submissions
from app.labeling.labeling_state import LabelingState
from app.labeling.models import Assignment, StepLabel
from app.labeling.rating_events import (
    LabelingProgress,
    RatingEventData,
    apply_event,
    insert_events,
    load_progress,
)
from app.projects.models import Project

RENEW_AFTER = dt.timedelta(minutes=1)
SELECT_FOR_UPDATE = (
    select(Assignment)
    .where(Assignment.id == bindparam("assignment"), Assignment.project_id == bindparam("project"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


class Refusal(Conflict):
    """A step of the session that may not happen now. `code` is for the desk."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


@dataclass(frozen=True)
class RecordResult:
    saved: list[UUID]
    """Ids that are in the database now, those of earlier tries included."""
    refusal: DomainError | None
    """Why the event after the last saved one, and what follows it, is not."""
    current: LabelingState
    """What all events so far come to."""


def get_own_assignment(db: Session, project: Project, assignment_id: int, user_id: int) -> Assignment:
    """The assignment, locked until the transaction ends."""
    found = db.scalar(SELECT_FOR_UPDATE, {"assignment": assignment_id, "project": project.id})
    if found is None:
        raise NotFound("There is no such assignment in this project.", remedy="Go back to the desk.")
    if found.user_id != user_id:
        raise Refusal(
            "not_yours",
            "This solution is on someone else's desk.",
            "Nothing was changed. Go back to your desk for the one that is yours.",
        )
    return found


def record_events(
    db: Session, project: Project, assignment: Assignment, events: Sequence[RatingEventData], now: dt.datetime
) -> RecordResult:
    """Save events in their order, each once. Stops at the first that may not be."""
    so_far = load_progress(db, project, assignment)
    saved: list[UUID] = []
    fresh: list[RatingEventData] = []
    refusal: DomainError | None = None
    for event in events:
        if event.id not in so_far.event_ids:
            refusal = _find_refusal(assignment, so_far.state, event, now)
            if refusal:
                break
            apply_event(
                so_far.state, event.position, event.candidate, event.rating, event.flagged, event.chosen,
                event.written,
            )  # fmt: skip
            so_far.event_ids.add(event.id)
            fresh.append(event)
        saved.append(event.id)
    if fresh:
        insert_events(db, assignment, fresh)
        renew_lease(db, project, assignment, now)
    return RecordResult(saved, refusal, so_far.state)


def _find_refusal(
    assignment: Assignment, so_far: LabelingState, event: RatingEventData, now: dt.datetime
) -> DomainError | None:
    lost = lease_error(assignment, now)
    if lost:
        return lost
    if not so_far.has_step(event.position, event.candidate) or not so_far.accepts(event.kind):
        return Invalid("This solution has no such step.", remedy="Reload the page and rate again.")
    if event.kind == "rating" and event.rating is None and not event.flagged:
        return None  # taking back is always allowed: what follows is judged again
    if event.kind == "choice" and not event.chosen:
        return None
    if event.kind == "writing":
        return None  # it counts only where every candidate is wrong in the end
    if not so_far.is_reached(event.position, event.candidate):
        return Refusal(
            "out_of_order",
            f"Step {event.position + 1} cannot be rated yet: a step before it is not rated, or is wrong.",
            f"Rate step {so_far.frontier + 1} first. Everything before this is saved.",
        )
    return None


def lease_error(assignment: Assignment, now: dt.datetime) -> Refusal | None:
    """Why the labeler may not change it now, if they may not."""
    if assignment.state == "submitted":
        return Refusal(
            "already_submitted",
            "This solution was already submitted, perhaps in another tab.",
            "What was saved before that counts. Undo the submission to change it, or go on to the next.",
        )
    if assignment.lease_expires_at is None or assignment.lease_expires_at <= now:
        return Refusal(
            "lease_lost",
            "Your time on this solution ran out, and it went back to the queue.",
            "What was saved before is kept. Take it back if it is still free, or go on to the next.",
        )
    return None


def renew_lease(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Work keeps a lease alive, and the reservation behind it."""
    until = now + dt.timedelta(minutes=project.lease_minutes)
    if assignment.lease_expires_at is None or until - assignment.lease_expires_at < RENEW_AFTER:
        return
    assignment.lease_expires_at = until
    db.execute(
        text(
            "UPDATE assignment SET lease_expires_at = :until WHERE id IN (SELECT id FROM assignment"
            " WHERE user_id = :user AND project_id = :project AND state = 'reserved' FOR UPDATE SKIP LOCKED)"
        ),
        {"until": until, "user": assignment.user_id, "project": assignment.project_id},
    )


def submit_assignment(
    db: Session,
    project: Project,
    assignment: Assignment,
    finish_reason: str,
    comment: str,
    total_time_ms: int | None,
    now: dt.datetime,
    reference_doubt: str | None = None,
) -> None:
    """Finish, once: a retry of the same submission changes nothing."""
    if assignment.state == "submitted" and assignment.finish_reason == finish_reason:
        return
    lost = lease_error(assignment, now)
    if lost:
        raise lost
    done = load_progress(db, project, assignment)
    missing = done.state.submission_error(finish_reason, comment)
    if missing:
        raise Invalid(missing[0], remedy=missing[1])
    previous_submissions.close_previous_submission(db, assignment, now)
    _write_step_labels(db, assignment, done)
    assignment.state, assignment.lease_expires_at = "submitted", None
    assignment.submitted_at, assignment.finish_reason = now, finish_reason
    assignment.comment = comment.strip()
    assignment.total_time_ms = (
        None if total_time_ms is None else pace.cap_duration(total_time_ms, assignment, now)
    )
    assignment.active_time_ms = pace.cap_duration(done.active_ms, assignment, now)
    if reference_doubt:
        assignment.shown = {**assignment.shown, "reference_doubt": reference_doubt}
    db.flush()
    control_tasks.record_control_result(db, project, assignment)


def _write_step_labels(db: Session, assignment: Assignment, done: LabelingProgress) -> None:
    rows = [{"assignment_id": assignment.id, **label} for label in done.state.build_step_labels(done.steps)]
    if rows:
        db.execute(insert(StepLabel.__table__), rows)  # type: ignore[arg-type]
