"""A labeler's short notes on steps, for whoever reads the step later. Notes are append-only with ids
from the browser, like ratings; the newest note of a step or alternative is the current one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.labeling.models import Assignment, StepNote
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
    """Each note once, however often the browser sends it. Allowed after the submission too, because
    a note does not change a label."""
    if not _has_step(db, assignment, note):
        raise Invalid("This solution has no such step.", remedy="Reload the page and write the note again.")
    statement = insert(StepNote).values(
        note_id=note.id,
        assignment_id=assignment.id,
        position=note.position,
        candidate=note.candidate,
        text=note.text.strip(),
    )
    new_id = db.scalar(statement.on_conflict_do_nothing().returning(StepNote.id))
    if new_id is None:
        owner = db.scalar(select(StepNote.assignment_id).where(StepNote.note_id == note.id))
        if owner != assignment.id:
            raise Invalid("This note id was used before.", remedy="Reload the page and write the note again.")
    if not assignment.has_notes:
        assignment.has_notes = True
        db.flush()


def _has_step(db: Session, assignment: Assignment, note: Note) -> bool:
    """Whether the solution has this step, or this alternative."""
    solution_id = assignment.task.solution_id
    if note.candidate == 0:
        steps = db.scalar(select(func.cardinality(Solution.steps)).where(Solution.id == solution_id))
        return note.position < (steps or 0)
    return db.get(Alternative, (solution_id, note.position, note.candidate)) is not None


def load_notes(db: Session, assignment_ids: Iterable[int]) -> dict[int, dict[NoteKey, str]]:
    """{assignment: {(position, candidate): note}}, the current notes only."""
    query = (
        select(StepNote.assignment_id, StepNote.position, StepNote.candidate, StepNote.text)
        .where(StepNote.assignment_id.in_(list(assignment_ids)))
        .order_by(StepNote.id)
    )
    notes: dict[int, dict[NoteKey, str]] = {}
    for assignment_id, position, candidate, note in db.execute(query):
        own = notes.setdefault(assignment_id, {})
        if note:
            own[position, candidate] = note
        else:
            own.pop((position, candidate), None)
    return {assignment_id: own for assignment_id, own in notes.items() if own}


SELECT_PROJECT_NOTES = text(
    """
    SELECT n.*, u.uuid AS labeler, t.solution_id, s.external_id AS solution_external_id FROM (
        SELECT DISTINCT ON (n.assignment_id, n.position, n.candidate) n.id, n.assignment_id, n.position,
            n.candidate, n.text, n.created_at, a.user_id, a.task_id
        FROM step_note n JOIN assignment a ON a.id = n.assignment_id WHERE a.project_id = :project
        ORDER BY n.assignment_id, n.position, n.candidate, n.id DESC
    ) n JOIN task t ON t.id = n.task_id JOIN solution s ON s.id = t.solution_id
    JOIN user_account u ON u.id = n.user_id
    WHERE n.text <> '' AND n.id > :after ORDER BY n.id LIMIT :limit
    """
)


def list_project_notes(db: Session, project_id: int, after: int = 0, limit: int = PAGE_SIZE) -> list[Any]:
    """The current notes of all labelers, oldest first: a page of those with an id above `after`."""
    return list(db.execute(SELECT_PROJECT_NOTES, {"project": project_id, "after": after, "limit": limit}))
