"""A labeler's short note on a step: what is unclear about it, for whoever looks later. Kept like
a rating: append-only, with an id made in the browser; the newest of a place counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.beside import StepNote
from app.labeling.models import Assignment
from app.problems.models import Solution

LONGEST = 2000


@dataclass(frozen=True)
class Note:
    id: UUID
    position: int
    text: str
    candidate: int = 0


def save(db: Session, assignment: Assignment, note: Note) -> None:
    """Once, however often it is sent. Also after the submission: a note changes no label."""
    steps = db.scalar(
        select(func.cardinality(Solution.steps)).where(Solution.id == assignment.task.solution_id)
    )
    if note.position >= (steps or 0):
        raise Invalid("This solution has no such step.", remedy="Reload the page and write it again.")
    new = insert(StepNote).values(
        note_id=note.id,
        assignment_id=assignment.id,
        position=note.position,
        candidate=note.candidate,
        text=note.text.strip(),
    )
    made = db.scalar(new.on_conflict_do_nothing().returning(StepNote.id))
    if made is None:
        owner = db.scalar(select(StepNote.assignment_id).where(StepNote.note_id == note.id))
        if owner != assignment.id:
            raise Invalid("This note's id was used before.", remedy="Reload the page and write it again.")
    if not assignment.shown.get("noted"):
        assignment.shown = {**assignment.shown, "noted": True}
        db.flush()


def of(db: Session, assignment_ids: Iterable[int]) -> dict[int, dict[int, str]]:
    """{assignment: {position: note}}, the newest of each step of the first candidate."""
    newest = (
        select(StepNote.assignment_id, StepNote.position, StepNote.text)
        .where(StepNote.assignment_id.in_(list(assignment_ids)), StepNote.candidate == 0)
        .order_by(StepNote.id)
    )
    found: dict[int, dict[int, str]] = {}
    for assignment, position, words in db.execute(newest):
        places = found.setdefault(assignment, {})
        if words:
            places[position] = words
        else:
            places.pop(position, None)
    return found
