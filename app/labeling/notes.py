"""A labeler's short note on a step: what is unclear about it, for whoever looks later. Kept like
a rating: append-only, with an id made in the browser; the newest of a place counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.beside import StepNote
from app.labeling.models import Assignment
from app.problems.models import Alternative, Solution

MAX_NOTE_LENGTH = 2000
PAGE_SIZE = 500
NoteKey = tuple[int, int]
"""Position and candidate."""


@dataclass(frozen=True)
class Note:
    id: UUID
    position: int
    text: str
    candidate: int = 0


def save_note(db: Session, assignment: Assignment, note: Note) -> None:
    """Once, however often it is sent. Also after the submission: a note changes no label."""
    if not _has_step(db, assignment, note):
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


def _has_step(db: Session, assignment: Assignment, note: Note) -> bool:
    """Whether the solution has this step, or this candidate for it."""
    solution = assignment.task.solution_id
    if note.candidate == 0:
        steps = db.scalar(select(func.cardinality(Solution.steps)).where(Solution.id == solution))
        return note.position < (steps or 0)
    return db.get(Alternative, (solution, note.position, note.candidate)) is not None


def load_notes(db: Session, assignment_ids: Iterable[int]) -> dict[int, dict[NoteKey, str]]:
    """{assignment: {(position, candidate): note}}, the newest of each place."""
    newest = (
        select(StepNote.assignment_id, StepNote.position, StepNote.candidate, StepNote.text)
        .where(StepNote.assignment_id.in_(list(assignment_ids)))
        .order_by(StepNote.id)
    )
    found: dict[int, dict[NoteKey, str]] = {}
    for assignment, position, candidate, words in db.execute(newest):
        places = found.setdefault(assignment, {})
        if words:
            places[position, candidate] = words
        else:
            places.pop((position, candidate), None)
    return {assignment: places for assignment, places in found.items() if places}


SELECT_PROJECT_NOTES = text(
    """
    SELECT n.*, u.uuid AS labeler, t.solution_id, s.external_id AS solution FROM (
        SELECT DISTINCT ON (n.assignment_id, n.position, n.candidate) n.id, n.assignment_id, n.position,
            n.candidate, n.text, n.at, a.user_id, a.task_id
        FROM step_note n JOIN assignment a ON a.id = n.assignment_id WHERE a.project_id = :project
        ORDER BY n.assignment_id, n.position, n.candidate, n.id DESC
    ) n JOIN task t ON t.id = n.task_id JOIN solution s ON s.id = t.solution_id
    JOIN user_account u ON u.id = n.user_id
    WHERE n.text <> '' AND n.id > :after ORDER BY n.id LIMIT :most
    """
)


def list_project_notes(db: Session, project_id: int, after: int = 0, most: int = PAGE_SIZE) -> list[Any]:
    """What counts of all its labelers' notes, the oldest first: a page of them after the one named."""
    return list(db.execute(SELECT_PROJECT_NOTES, {"project": project_id, "after": after, "most": most}))
