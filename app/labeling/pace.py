"""A labeler's day and pace: how much, how long, how fast against their own usual. For the
labeler alone; nothing here is compared between people."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling.models import Assignment, StepLabel
from app.projects.models import Project

SLACK = dt.timedelta(minutes=1)
"""Clocks differ, and a lease is older than its page."""
LONGEST = 2**31 - 1
DAYS = 14
"""What is usual: the median over these days before today, with at least USUAL of them worked."""
USUAL = 3

USUALLY = text(
    """
    WITH days AS (
        SELECT sum((SELECT count(*) FROM step_label l WHERE l.assignment_id = a.id)) AS steps,
            sum(a.active_time_ms) AS active
        FROM assignment a
        WHERE a.user_id = :user AND a.project_id = :project AND a.origin IS NULL
          AND a.submitted_at >= :since AND a.submitted_at < :today AND a.active_time_ms > 0
        GROUP BY date_trunc('day', a.submitted_at AT TIME ZONE 'UTC')
    )
    SELECT count(*) AS days, percentile_cont(0.5) WITHIN GROUP (ORDER BY steps * 60000.0 / active) AS rate
    FROM days
    """
)


def credible(claimed_ms: int, assignment: Assignment, now: dt.datetime) -> int:
    """What a browser says it took, cut to what can be: nobody was at a solution for longer than
    since it was first given out."""
    room = now - assignment.created_at + SLACK
    return max(0, min(claimed_ms, int(room.total_seconds() * 1000), LONGEST))


def midnight(now: dt.datetime) -> dt.datetime:
    return now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def today(db: Session, project: Project, user: User, now: dt.datetime) -> dict[str, Any]:
    """Finished since midnight (UTC), the active time it took, and the usual steps a minute
    (None until there are enough days to say)."""
    count, active, steps = db.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Assignment.active_time_ms), 0),
            func.coalesce(func.sum(_labeled()), 0),
        )
        .where(Assignment.user_id == user.id, Assignment.submitted_at >= midnight(now))
        .where(Assignment.project_id == project.id)
    ).one()
    return {"count": count, "active_ms": int(active or 0), "steps": int(steps or 0)}


def usual(db: Session, project: Project, user: User, now: dt.datetime) -> float | None:
    """Steps a minute, the median of the labeler's last days."""
    start = midnight(now)
    values = {
        "user": user.id,
        "project": project.id,
        "since": start - dt.timedelta(days=DAYS),
        "today": start,
    }
    row = db.execute(USUALLY, values).one()
    return round(float(row.rate), 1) if row.days >= USUAL else None


def steps_of(db: Session, assignment: Assignment) -> int:
    return db.scalar(select(func.count()).where(StepLabel.assignment_id == assignment.id)) or 0


def _labeled() -> Any:
    return (
        select(func.count())
        .where(StepLabel.assignment_id == Assignment.id)
        .correlate(Assignment)
        .scalar_subquery()
    )
