"""What the desk shows: one solution with its problem, the labeler's day, their history."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import NotFound
from app.labeling import queue, session
from app.labeling.models import Assignment, StepLabel, Task
from app.labeling.walk import Place
from app.problems.models import Problem, Solution
from app.projects.models import Project

PAGE = 30


CONTENTS = text(
    """
    SELECT s.steps, s.final_answer, s.verdict, p.id AS problem_id, p.statement, p.subject, p.level,
        p.reference_answer, e.said, e.active_ms
    FROM task t JOIN solution s ON s.id = t.solution_id JOIN problem p ON p.id = s.problem_id
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(position, rating, flagged) ORDER BY id) AS said,
            coalesce(sum(active_ms), 0) AS active_ms
        FROM rating_event WHERE assignment_id = :assignment
    ) e WHERE t.id = :task
    """
)


def sheet(db: Session, project: Project, assignment: Assignment) -> dict[str, Any]:
    """One solution as the desk draws it. It tells nothing that could sway or reveal:
    no score, no reason it was queued, no kind, and the reference only where policy shows it."""
    row = db.execute(CONTENTS, {"assignment": assignment.id, "task": assignment.task_id}).one()
    reference = row.reference_answer if shows_reference(project, assignment) else None
    until = assignment.lease_expires_at
    said = {position: Place(rating, flagged) for position, rating, flagged in row.said or []}
    return {
        "assignment": {
            "id": assignment.id,
            "state": assignment.state,
            "lease_expires_at": until.isoformat() if until else None,
            "active_ms": row.active_ms,
        },
        "task": {"id": assignment.task_id, "mode": project.mode},
        "problem": {
            "id": row.problem_id,
            "statement": row.statement,
            "subject": row.subject,
            "level": row.level,
            "reference_answer": reference,
        },
        "steps": row.steps,
        "ratings": ratings(said),
        "final_answer": row.final_answer,
        "asks_about_reference": reference is not None and row.verdict == "wrong",
    }


def shows_reference(project: Project, assignment: Assignment) -> bool:
    if project.show_reference == "after":
        return assignment.state == "submitted"
    return bool(assignment.shown.get("reference_answer"))


def ratings(places: dict[int, Place]) -> list[dict[str, Any]]:
    return [
        {"position": position, "candidate": 0, "rating": place.rating, "flagged": place.flagged}
        for position, place in sorted(places.items())
        if place.said
    ]


def next_sheet(db: Session, project: Project, user: User, now: dt.datetime) -> dict[str, Any] | None:
    claimed = queue.claim(db, project, user, now)
    return sheet(db, project, claimed) if claimed else None


def reopen(
    db: Session, project: Project, user: User, assignment: Assignment, now: dt.datetime
) -> dict[str, Any]:
    """Take a submission back onto the desk. What lies there is kept as the next one, with
    its ratings; what was prefetched behind it goes back to the queue."""
    session.check_reopening(db, assignment, now)
    held = queue.leases(db, project.id, user.id, now)
    if "leased" in held:
        if "reserved" in held:
            queue.give_back(db, held["reserved"])
        held["leased"].state = "reserved"
        db.flush()
    session.reopen(db, project, assignment, now)
    return sheet(db, project, assignment)


def today(db: Session, project: Project, user: User, now: dt.datetime) -> dict[str, int]:
    """Finished in the last midnight-to-now (UTC), and the active time it took."""
    since = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    count, active = db.execute(
        select(func.count(), func.coalesce(func.sum(Assignment.active_time_ms), 0))
        .where(Assignment.user_id == user.id, Assignment.submitted_at >= since)
        .where(Assignment.project_id == project.id)
    ).one()
    return {"count": count, "active_ms": int(active or 0)}


def history(
    db: Session, project: Project, user: User, before: int | None
) -> tuple[list[tuple[Assignment, Problem, int]], int | None]:
    """The labeler's finished assignments, newest first: each with its problem and how many
    steps it labels; and the key of the next page."""
    labeled = (
        select(func.count())
        .where(StepLabel.assignment_id == Assignment.id)
        .correlate(Assignment)
        .scalar_subquery()
    )
    wanted = (
        select(Assignment, Problem, labeled)
        .join(Task, Task.id == Assignment.task_id)
        .join(Solution, Solution.id == Task.solution_id)
        .join(Problem, Problem.id == Solution.problem_id)
        .where(Assignment.user_id == user.id, Assignment.project_id == project.id)
        .where(Assignment.state == "submitted")
        .order_by(Assignment.submitted_at.desc(), Assignment.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        edge = db.get(Assignment, before)
        if edge is None or edge.user_id != user.id or edge.submitted_at is None:
            raise NotFound("There is no such page.", remedy="Start at the newest.")
        wanted = wanted.where(
            (Assignment.submitted_at < edge.submitted_at)
            | ((Assignment.submitted_at == edge.submitted_at) & (Assignment.id < edge.id))
        )
    rows = [(row[0], row[1], row[2]) for row in db.execute(wanted)]
    return rows[:PAGE], rows[PAGE - 1][0].id if len(rows) > PAGE else None
