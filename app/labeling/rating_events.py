"""A labeler's acts on a solution: append-only events whose ids come from the browser, and the labeling
state they lead to. assignments.py decides whether an event is allowed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.models import Assignment, RatingEvent
from app.modes import get_mode
from app.modes.labeling_state import AlternativeStep, LabelingState, StepRating
from app.projects.models import Project

EVENT_FIELDS = ("position", "candidate", "rating", "flagged", "chosen", "human_text")


@dataclass(frozen=True)
class RatingEventData:
    """One act: it rates a candidate, chooses one, or writes a step."""

    id: UUID
    position: int
    candidate: int = 0
    rating: int | None = None
    flagged: bool | None = None
    active_ms: int = 0
    client_created_at: dt.datetime | None = None
    chosen: bool | None = None
    human_text: str | None = None

    @property
    def kind(self) -> str:
        """rating, choice or text."""
        if self.chosen is not None:
            return "choice"
        return "rating" if self.human_text is None else "text"

    @property
    def is_removal(self) -> bool:
        """Whether it takes a rating or a choice back."""
        if self.kind == "choice":
            return not self.chosen
        return self.kind == "rating" and self.rating is None and not self.flagged


@dataclass
class LabelingProgress:
    """Everything recorded about an assignment so far."""

    state: LabelingState
    steps: list[str]
    event_ids: set[UUID]
    active_ms: int


EVENTS_AND_ALTERNATIVES = """
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('id', event_id, 'position', position, 'candidate', candidate,
                'rating', rating, 'flagged', flagged, 'chosen', chosen, 'human_text', human_text)
            ORDER BY id) AS events, coalesce(sum(active_ms), 0) AS active_ms
        FROM rating_event WHERE assignment_id = :assignment
    ) e
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('position', position, 'candidate', candidate, 'text', text,
            'prefix', prefix) ORDER BY position, candidate) AS alternatives
        FROM alternative WHERE solution_id = s.id
    ) a
"""
"""SQL: the events of an assignment and the alternatives of solution `s`."""

SELECT_PROGRESS = text(
    f"""
    SELECT s.steps, e.events, e.active_ms, a.alternatives
    FROM task t JOIN solution s ON s.id = t.solution_id
    {EVENTS_AND_ALTERNATIVES}
    WHERE t.id = :task
    """  # noqa: S608  the part is ours
)


def load_progress(db: Session, project: Project, assignment: Assignment) -> LabelingProgress:
    row = db.execute(SELECT_PROGRESS, {"assignment": assignment.id, "task": assignment.task_id}).one()
    events = row.events or []
    state = build_labeling_state(project.mode, len(row.steps), row.alternatives, events)
    return LabelingProgress(state, row.steps, {UUID(event["id"]) for event in events}, row.active_ms)


def build_labeling_state(
    mode: str,
    step_count: int,
    alternatives: Iterable[Mapping[str, Any]] | None,
    events: Iterable[Mapping[str, Any]] | None,
) -> LabelingState:
    """`alternatives` have the fields of AlternativeStep, `events` those of EVENT_FIELDS, oldest first."""
    prepared = [
        AlternativeStep(step["position"], step["candidate"], step["text"], tuple(step["prefix"]))
        for step in alternatives or []
    ]
    state = get_mode(mode).new_state(step_count, prepared)
    for event in events or []:
        apply_event(state, event)
    return state


def apply_event(state: LabelingState, event: Mapping[str, Any]) -> None:
    if event["chosen"] is not None:
        state.set_chosen(event["position"], event["candidate"], event["chosen"])
    elif event["human_text"] is not None:
        state.set_human_text(event["position"], event["human_text"])
    else:
        rating = StepRating(event["rating"], event["flagged"])
        state.set_rating(event["position"], rating, event["candidate"])


INSERT_EVENTS = (  # built once: with the values inside, it would be compiled for every save
    insert(RatingEvent.__table__)  # type: ignore[arg-type]
    .on_conflict_do_nothing()
    .returning(RatingEvent.event_id)
)


def insert_events(db: Session, assignment: Assignment, events: Sequence[RatingEventData]) -> None:
    """Each event once, even if the browser sends it twice at the same time."""
    rows = [
        {
            "event_id": event.id,
            "assignment_id": assignment.id,
            "active_ms": event.active_ms,
            "client_created_at": event.client_created_at,
            **{field: getattr(event, field) for field in EVENT_FIELDS},
        }
        for event in events
    ]
    if len(db.execute(INSERT_EVENTS, rows).all()) < len(rows):
        # ids are random, so only a broken or hostile client uses another assignment's
        raise Invalid("This event id was used before.", remedy="Reload the page and rate again.")
