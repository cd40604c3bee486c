"""The life of an assignment: reserved -> leased -> submitted, and what may happen when.

Ratings are append-only events with an id made in the browser; what is current is derived,
and a submission freezes it into step_label. Every refusal says what happened, what was
kept and what to do; nothing that was valid before it is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.labeling import keeping, known, pace
from app.labeling.choosing import Choosing
from app.labeling.models import Assignment, RatingEvent, StepLabel
from app.labeling.walk import Candidate, Place, Walk
from app.projects.models import Project

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
    chosen: bool | None = None
    written: str | None = None

    @property
    def act(self) -> str:
        if self.chosen is not None:
            return "choice"
        return "rating" if self.written is None else "writing"


@dataclass(frozen=True)
class Recorded:
    saved: list[UUID]
    """Ids that are in the database now, those of earlier tries included."""
    refusal: DomainError | None
    """Why the event after the last saved one, and what follows it, is not."""
    current: Walk
    """What all events so far come to."""


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


@dataclass
class Progress:
    """What was said of a solution so far, read in one go."""

    walk: Walk
    steps: list[str]
    known: set[UUID]
    active_ms: int


PROGRESS = text(
    """
    SELECT s.steps, e.said, e.active_ms, a.candidates
    FROM task t JOIN solution s ON s.id = t.solution_id
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(event_id, position, candidate, rating, flagged, chosen, written)
            ORDER BY id) AS said, coalesce(sum(active_ms), 0) AS active_ms
        FROM rating_event WHERE assignment_id = :assignment
    ) e
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(position, candidate, text, prefix) ORDER BY position, candidate)
            AS candidates FROM alternative WHERE solution_id = s.id
    ) a WHERE t.id = :task
    """
)


def progress(db: Session, project: Project, assignment: Assignment) -> Progress:
    row = db.execute(PROGRESS, {"assignment": assignment.id, "task": assignment.task_id}).one()
    walk = walked(project.mode, len(row.steps), row.candidates, [said[1:] for said in row.said or []])
    return Progress(walk, row.steps, {UUID(event[0]) for event in row.said or []}, row.active_ms)


def walked(mode: str, steps: int, candidates: list[Any] | None, said: Sequence[Any]) -> Walk:
    """Candidates as [position, candidate, text, prefix], events as [position, candidate, rating,
    flagged, chosen, written], the oldest first."""
    offered = [Candidate(at, number, words, tuple(prefix)) for at, number, words, prefix in candidates or []]
    kind = Choosing if mode == "alternatives" else Walk
    walk = kind(mode, steps, {}, offered)
    for event in said:
        put(walk, *event)
    return walk


def put(
    walk: Walk,
    position: int,
    candidate: int,
    rating: int | None,
    flagged: bool | None,
    chosen: bool | None,
    written: str | None,
) -> None:
    if chosen is not None:
        walk.choose(position, candidate, chosen)
    elif written is not None:
        walk.write(position, written)
    else:
        walk.put(position, Place(rating, flagged), candidate)


def record(
    db: Session, project: Project, assignment: Assignment, events: Sequence[Event], now: dt.datetime
) -> Recorded:
    """Save events in their order, each once. Stops at the first that may not be."""
    so_far = progress(db, project, assignment)
    saved: list[UUID] = []
    fresh: list[Event] = []
    refusal: DomainError | None = None
    for event in events:
        if event.id not in so_far.known:
            refusal = _refusal(assignment, so_far.walk, event, now)
            if refusal:
                break
            put(
                so_far.walk, event.position, event.candidate, event.rating, event.flagged, event.chosen,
                event.written,
            )  # fmt: skip
            so_far.known.add(event.id)
            fresh.append(event)
        saved.append(event.id)
    if fresh:
        _append(db, assignment, fresh)
        renew(db, project, assignment, now)
    return Recorded(saved, refusal, so_far.walk)


def _append(db: Session, assignment: Assignment, fresh: Sequence[Event]) -> None:
    rows = [
        {
            "event_id": event.id,
            "assignment_id": assignment.id,
            "position": event.position,
            "candidate": event.candidate,
            "rating": event.rating,
            "flagged": event.flagged,
            "chosen": event.chosen,
            "written": event.written,
            "active_ms": event.active_ms,
            "client_at": event.at,
        }
        for event in fresh
    ]
    new = insert(RatingEvent.__table__).values(rows).on_conflict_do_nothing()  # type: ignore[arg-type]
    if len(db.execute(new.returning(RatingEvent.event_id)).all()) < len(rows):
        # the ids are random: only a broken or hostile client meets another's
        raise Invalid("This event id was used before.", remedy="Reload the page and rate again.")


def _refusal(assignment: Assignment, so_far: Walk, event: Event, now: dt.datetime) -> DomainError | None:
    lost = not_held(assignment, now)
    if lost:
        return lost
    if not so_far.there(event.position, event.candidate) or not so_far.takes(event.act):
        return Invalid("This solution has no such step.", remedy="Reload the page and rate again.")
    if event.act == "rating" and event.rating is None and not event.flagged:
        return None  # taking back is always allowed: what follows is judged again
    if event.act == "choice" and not event.chosen:
        return None
    if event.act == "writing":
        return None  # it counts only where every candidate is wrong in the end
    if not so_far.reached(event.position, event.candidate):
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
    done = progress(db, project, assignment)
    missing = done.walk.not_ready(finish_reason, comment)
    if missing:
        raise Invalid(missing[0], remedy=missing[1])
    keeping.replaced(db, assignment, now)
    _freeze(db, assignment, done)
    assignment.state, assignment.lease_expires_at = "submitted", None
    assignment.submitted_at, assignment.finish_reason = now, finish_reason
    assignment.comment = comment.strip()
    assignment.total_time_ms = (
        None if total_time_ms is None else pace.credible(total_time_ms, assignment, now)
    )
    assignment.active_time_ms = pace.credible(done.active_ms, assignment, now)
    if reference_doubt:
        assignment.shown = {**assignment.shown, "reference_doubt": reference_doubt}
    db.flush()
    known.judge(db, project, assignment)


def _freeze(db: Session, assignment: Assignment, done: Progress) -> None:
    rows = [{"assignment_id": assignment.id, **label} for label in done.walk.labels(done.steps)]
    if rows:
        db.execute(insert(StepLabel.__table__), rows)  # type: ignore[arg-type]
