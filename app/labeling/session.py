"""The life of an assignment: reserved -> leased -> submitted, and what may happen when.

Ratings are append-only events with an id made in the browser; what is current is derived,
and a submission freezes it into step_label. Every refusal says what happened, what was
kept and what to do; nothing that was valid before it is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.labeling.models import Assignment, RatingEvent, StepLabel, Task
from app.labeling.walk import Place, Walk
from app.problems.models import Solution
from app.projects.models import Project

GRACE = dt.timedelta(minutes=5)
"""How long after its submission a labeler may take an assignment back."""
RENEW_AFTER = dt.timedelta(minutes=1)


class Refused(Conflict):
    """A step of the session that may not happen now. `code` is for the desk."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


@dataclass(frozen=True)
class Event:
    id: UUID
    position: int
    candidate: int
    rating: int | None
    flagged: bool | None
    active_ms: int
    at: dt.datetime | None


@dataclass(frozen=True)
class Recorded:
    saved: list[UUID]
    """Ids that are in the database now, those of earlier tries included."""
    refusal: DomainError | None
    """Why the event after the last saved one, and what follows it, is not."""


def mine(db: Session, project: Project, assignment_id: int, user_id: int) -> Assignment:
    """The assignment, locked until the transaction ends."""
    found = db.scalar(
        select(Assignment)
        .where(Assignment.id == assignment_id, Assignment.project_id == project.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("There is no such assignment in this project.", remedy="Go back to the desk.")
    if found.user_id != user_id:
        raise Refused(
            "not_yours",
            "This solution is on someone else's desk.",
            "Nothing was changed. Go back to your desk for the one that is yours.",
        )
    return found


def current(db: Session, assignment_id: int) -> dict[int, Place]:
    """The newest word on each step; one that was taken back is absent."""
    rows = db.execute(
        select(RatingEvent.position, RatingEvent.rating, RatingEvent.flagged)
        .where(RatingEvent.assignment_id == assignment_id)
        .order_by(RatingEvent.id)
    )
    newest = {position: Place(rating, flagged) for position, rating, flagged in rows}
    return {position: place for position, place in newest.items() if place.said}


def walk(db: Session, project: Project, assignment: Assignment) -> Walk:
    return Walk(project.mode, step_count(db, assignment), current(db, assignment.id))


def step_count(db: Session, assignment: Assignment) -> int:
    steps = db.scalar(
        select(Solution.steps)
        .join(Task, Task.solution_id == Solution.id)
        .where(Task.id == assignment.task_id)
    )
    return len(steps or [])


def record(
    db: Session, project: Project, assignment: Assignment, events: Sequence[Event], now: dt.datetime
) -> Recorded:
    """Save events in their order, each once. Stops at the first that may not be."""
    known = _owners(db, [event.id for event in events])
    so_far = walk(db, project, assignment)
    saved: list[UUID] = []
    fresh: list[Event] = []
    refusal: DomainError | None = None
    for event in events:
        owner = known.get(event.id)
        if owner is None:
            refusal = _refusal(assignment, so_far, event, now)
        elif owner != assignment.id:
            refusal = Invalid("This event id was used before.", remedy="Reload the page and rate again.")
        if refusal:
            break
        if owner is None:
            so_far.put(event.position, Place(event.rating, event.flagged))
            known[event.id] = assignment.id
            fresh.append(event)
        saved.append(event.id)
    _append(db, assignment, fresh)
    if fresh:
        renew(db, project, assignment, now)
    return Recorded(saved, refusal)


def _owners(db: Session, ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = db.execute(
        select(RatingEvent.event_id, RatingEvent.assignment_id).where(RatingEvent.event_id.in_(ids))
    )
    return {row.event_id: row.assignment_id for row in rows}


def _append(db: Session, assignment: Assignment, fresh: Sequence[Event]) -> None:
    rows = [
        {
            "event_id": event.id,
            "assignment_id": assignment.id,
            "position": event.position,
            "candidate": event.candidate,
            "rating": event.rating,
            "flagged": event.flagged,
            "active_ms": event.active_ms,
            "client_at": event.at,
        }
        for event in fresh
    ]
    if rows:
        db.execute(insert(RatingEvent), rows)


def _refusal(assignment: Assignment, so_far: Walk, event: Event, now: dt.datetime) -> DomainError | None:
    lost = not_held(assignment, now)
    if lost:
        return lost
    if event.position >= so_far.steps or event.candidate != 0:
        return Invalid("This solution has no such step.", remedy="Reload the page and rate again.")
    if event.rating is None and not event.flagged:
        return None  # taking back is always allowed: what follows is judged again
    if not so_far.reached(event.position):
        return Refused(
            "out_of_order",
            f"Step {event.position + 1} cannot be rated yet: a step before it is not rated, or is wrong.",
            f"Rate step {so_far.end + 1} first. Everything before this is saved.",
        )
    return None


def not_held(assignment: Assignment, now: dt.datetime) -> Refused | None:
    """Why the labeler may not change it now, if they may not."""
    if assignment.state == "submitted":
        return Refused(
            "already_submitted",
            "This solution was already submitted, perhaps in another tab.",
            "What was saved before that counts. Undo the submission to change it, or go on to the next.",
        )
    if assignment.lease_expires_at is None or assignment.lease_expires_at <= now:
        return Refused(
            "lease_lost",
            "Your time on this solution ran out, and it went back to the queue.",
            "What was saved before is kept. Take it back if it is still free, or go on to the next.",
        )
    return None


def renew(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
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


def submit(
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
    lost = not_held(assignment, now)
    if lost:
        raise lost
    done = walk(db, project, assignment)
    problem = done.not_ready(finish_reason, comment)
    if problem:
        raise Invalid(problem[0], remedy=problem[1])
    _freeze(db, assignment, done)
    assignment.state, assignment.lease_expires_at = "submitted", None
    assignment.submitted_at, assignment.finish_reason = now, finish_reason
    assignment.comment, assignment.total_time_ms = comment.strip(), total_time_ms
    assignment.active_time_ms = active_time(db, assignment.id)
    if reference_doubt:
        assignment.shown = {**assignment.shown, "reference_doubt": reference_doubt}
    db.flush()


def active_time(db: Session, assignment_id: int) -> int:
    spent = db.scalars(select(RatingEvent.active_ms).where(RatingEvent.assignment_id == assignment_id))
    return min(sum(spent), 2**31 - 1)


def _freeze(db: Session, assignment: Assignment, done: Walk) -> None:
    rows = [
        {
            "assignment_id": assignment.id,
            "position": position,
            "ratings": [place.rating],
            "flags": [place.flagged],
            "chosen": None if place.rating == -1 else 0,
        }
        for position, place in done.judged()
    ]
    if rows:
        db.execute(insert(StepLabel), rows)


def may_reopen(assignment: Assignment, now: dt.datetime) -> bool:
    return (
        assignment.state == "submitted"
        and assignment.submitted_at is not None
        and assignment.origin is None
        and now - assignment.submitted_at <= GRACE
    )


def check_reopening(db: Session, assignment: Assignment, now: dt.datetime) -> None:
    if not may_reopen(assignment, now):
        raise Refused(
            "too_late",
            f"A submission can be taken back for {GRACE.seconds // 60} minutes; this one is older.",
            "Tell a researcher of the project if it is wrong.",
        )
    frozen = db.scalar(
        # by name: training stands above labeling, and its tables may only be asked, not imported
        text(
            "SELECT 1 FROM snapshot s JOIN snapshot_item i ON i.snapshot_id = s.id"
            " WHERE s.project_id = :project AND s.created_at >= :since"
            " AND :assignment = ANY(i.assignment_ids) LIMIT 1"
        ),
        {"project": assignment.project_id, "since": assignment.submitted_at, "assignment": assignment.id},
    )
    if frozen:
        raise Refused(
            "in_a_snapshot",
            "This label is already in a snapshot that a model learns from.",
            "It stays as it is. Tell a researcher of the project if it is wrong.",
        )


def reopen(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    """Undo across a submission: the assignment is on the desk again with all its ratings.
    The caller has made room on the desk (desk.reopen)."""
    check_reopening(db, assignment, now)
    db.execute(delete(StepLabel).where(StepLabel.assignment_id == assignment.id))
    taken_back = {"submitted_at": assignment.submitted_at.isoformat(), "as": assignment.finish_reason}  # type: ignore[union-attr]
    assignment.shown = {
        **assignment.shown,
        "taken_back": [*assignment.shown.get("taken_back", []), taken_back],
    }
    assignment.state, assignment.finish_reason, assignment.submitted_at = "leased", None, None
    assignment.lease_expires_at = now + dt.timedelta(minutes=project.lease_minutes)
    db.flush()
