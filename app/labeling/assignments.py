"""The life of an assignment: reserved -> leased -> submitted, and what is allowed when.

The current ratings are derived from rating events (rating_events.py), and a submission freezes them
into step labels. Each refusal says what happened, what was saved and what to do. Valid events before
a refused one are saved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import DomainError, Invalid, NotFound
from app.labeling import control_tasks, pace, reopening
from app.labeling.models import Assignment, StepLabel
from app.labeling.rating_events import (
    LabelingProgress,
    RatingEventData,
    apply_event,
    insert_events,
    load_progress,
)
from app.labeling.refusals import Refusal
from app.modes.labeling_state import LabelingState
from app.projects.models import Project

RENEW_AFTER = dt.timedelta(minutes=1)
SELECT_FOR_UPDATE = (
    select(Assignment)
    .where(Assignment.id == bindparam("assignment"), Assignment.project_id == bindparam("project"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
RENEW_RESERVATION = text(
    "UPDATE assignment SET lease_expires_at = :until WHERE id IN (SELECT id FROM assignment"
    " WHERE user_id = :user AND project_id = :project AND state = 'reserved' FOR UPDATE SKIP LOCKED)"
)


@dataclass(frozen=True)
class RecordResult:
    saved: list[UUID]
    """Ids of the events that are in the database now, including those of earlier attempts."""
    refusal: DomainError | None
    """Why the first unsaved event, and those after it, were not saved."""
    current: LabelingState
    """The labeling state after all saved events."""


def get_own_assignment(db: Session, project: Project, assignment_id: int, user_id: int) -> Assignment:
    """The assignment, locked until the transaction ends."""
    assignment: Assignment | None = db.scalar(
        SELECT_FOR_UPDATE, {"assignment": assignment_id, "project": project.id}
    )
    if assignment is None:
        raise NotFound("Assignment not found.", remedy="Go back to the desk.")
    if assignment.user_id != user_id:
        raise Refusal(
            "not_yours",
            "This task is assigned to another labeler.",
            "Nothing was changed. Go back to your desk.",
        )
    return assignment


def record_events(
    db: Session, project: Project, assignment: Assignment, events: Sequence[RatingEventData], now: dt.datetime
) -> RecordResult:
    """Save events in order, each once. Stops at the first event that is not allowed."""
    progress = load_progress(db, project, assignment)
    saved: list[UUID] = []
    new: list[RatingEventData] = []
    refusal: DomainError | None = None
    for event in events:
        if event.id not in progress.event_ids:
            refusal = _find_refusal(assignment, progress.state, event, now)
            if refusal:
                break
            apply_event(progress.state, asdict(event))
            progress.event_ids.add(event.id)
            new.append(event)
        saved.append(event.id)
    if new:
        insert_events(db, assignment, new)
        renew_lease(db, project, assignment, now)
    return RecordResult(saved, refusal, progress.state)


def _find_refusal(
    assignment: Assignment, state: LabelingState, event: RatingEventData, now: dt.datetime
) -> DomainError | None:
    error = lease_error(assignment, now)
    if error:
        return error
    if not state.has_step(event.position, event.candidate) or not state.accepts(event.kind):
        return Invalid("This solution has no such step.", remedy="Reload the page and rate again.")
    if not state.allows(event.kind, event.position, event.candidate, event.is_removal):
        return Refusal(
            "out_of_order",
            f"Step {event.position + 1} cannot be rated yet: an earlier step is not rated, or is negative.",
            f"Rate step {state.frontier + 1} first. Earlier ratings are saved.",
        )
    return None


def lease_error(assignment: Assignment, now: dt.datetime) -> Refusal | None:
    """Why the labeler may not change the assignment now; None if they may."""
    if assignment.state == "submitted":
        return Refusal(
            "already_submitted",
            "This solution was already submitted, perhaps in another tab.",
            "Ratings saved before that count. Undo the submission to change it, or open the next task.",
        )
    if assignment.lease_expires_at is None or assignment.lease_expires_at <= now:
        return Refusal(
            "lease_lost",
            "Your lease expired and the task returned to the queue.",
            "Saved ratings are kept. Claim the task again if it is still available, or open the next one.",
        )
    return None


def renew_lease(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Work extends the lease, and the reservation of the next task."""
    until = now + dt.timedelta(minutes=project.lease_minutes)
    if assignment.lease_expires_at is None or until - assignment.lease_expires_at < RENEW_AFTER:
        return
    assignment.lease_expires_at = until
    db.execute(
        RENEW_RESERVATION,
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
    reference_verdict: str | None = None,
    ratings: Sequence[int | None] | None = None,
) -> None:
    """Finish once. Repeating the same submission changes nothing. `ratings` are those that the labeler
    saw (LabelingState.reached_ratings); None if unknown."""
    progress = load_progress(db, project, assignment)
    is_same = ratings is None or list(ratings) == progress.state.reached_ratings()
    if assignment.state == "submitted" and assignment.finish_reason == finish_reason and is_same:
        return
    _require_submittable(assignment, progress.state, finish_reason, comment, is_same, now)
    reopening.close_previous_submission(db, assignment, now)
    _write_step_labels(db, assignment, progress)
    assignment.state, assignment.lease_expires_at = "submitted", None
    assignment.submitted_at, assignment.finish_reason = now, finish_reason
    assignment.comment = comment.strip()
    if total_time_ms is not None:
        total_time_ms = pace.cap_duration(total_time_ms, assignment, now)
    assignment.total_time_ms = total_time_ms
    assignment.active_time_ms = pace.cap_duration(progress.active_ms, assignment, now)
    assignment.reference_verdict = reference_verdict
    db.flush()
    control_tasks.record_control_result(db, project, assignment)


def _require_submittable(
    assignment: Assignment,
    state: LabelingState,
    finish_reason: str,
    comment: str,
    is_same: bool,
    now: dt.datetime,
) -> None:
    refusal = lease_error(assignment, now)
    if refusal:
        raise refusal
    if not is_same:
        raise Refusal(
            "ratings_differ",
            "The ratings on the server differ from those you submitted.",
            "They were changed in another window. Check them, then submit again.",
        )
    error = state.submission_error(finish_reason, comment)
    if error:
        raise Invalid(error.message, remedy=error.remedy)


def _write_step_labels(db: Session, assignment: Assignment, progress: LabelingProgress) -> None:
    labels: list[dict[str, Any]] = progress.state.build_step_labels(progress.steps)
    rows = [{"assignment_id": assignment.id, **label} for label in labels]
    if rows:
        db.execute(insert(StepLabel.__table__), rows)  # type: ignore[arg-type]
