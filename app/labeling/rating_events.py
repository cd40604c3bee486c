"""What a labeler said of a solution: append-only events with an id made in the browser, and the walk
they come to. Whether one may be said now is for session.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.branching_state import BranchingLabelingState
from app.labeling.labeling_state import AlternativeStep, LabelingState, StepRating
from app.labeling.models import Assignment, RatingEvent
from app.projects.models import Project


@dataclass(frozen=True)
class RatingEventData:
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
    def kind(self) -> str:
        if self.chosen is not None:
            return "choice"
        return "rating" if self.written is None else "writing"


@dataclass
class LabelingProgress:
    """What was said of a solution so far, read in one go."""

    state: LabelingState
    steps: list[str]
    event_ids: set[UUID]
    active_ms: int


SELECT_PROGRESS = text(
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


def load_progress(db: Session, project: Project, assignment: Assignment) -> LabelingProgress:
    row = db.execute(SELECT_PROGRESS, {"assignment": assignment.id, "task": assignment.task_id}).one()
    walk = build_labeling_state(
        project.mode, len(row.steps), row.candidates, [said[1:] for said in row.said or []]
    )
    return LabelingProgress(walk, row.steps, {UUID(event[0]) for event in row.said or []}, row.active_ms)


def build_labeling_state(
    mode: str, steps: int, candidates: list[Any] | None, said: Sequence[Any]
) -> LabelingState:
    """Candidates as [position, candidate, text, prefix], events as [position, candidate, rating,
    flagged, chosen, written], the oldest first."""
    offered = [
        AlternativeStep(at, number, words, tuple(prefix)) for at, number, words, prefix in candidates or []
    ]
    kind = BranchingLabelingState if mode == "alternatives" else LabelingState
    walk = kind(mode, steps, {}, offered)
    for event in said:
        apply_event(walk, *event)
    return walk


def apply_event(
    walk: LabelingState,
    position: int,
    candidate: int,
    rating: int | None,
    flagged: bool | None,
    chosen: bool | None,
    written: str | None,
) -> None:
    if chosen is not None:
        walk.set_chosen(position, candidate, chosen)
    elif written is not None:
        walk.set_human_text(position, written)
    else:
        walk.set_rating(position, StepRating(rating, flagged), candidate)


INSERT_EVENTS = (  # built once: values in the statement would have it compiled for every save
    insert(RatingEvent.__table__)  # type: ignore[arg-type]
    .on_conflict_do_nothing()
    .returning(RatingEvent.event_id)
)


def insert_events(db: Session, assignment: Assignment, fresh: Sequence[RatingEventData]) -> None:
    """Each once, whoever sends it again at the same time."""
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
    if len(db.execute(INSERT_EVENTS, rows).all()) < len(rows):
        # the ids are random: only a broken or hostile client meets another's
        raise Invalid("This event id was used before.", remedy="Reload the page and rate again.")
