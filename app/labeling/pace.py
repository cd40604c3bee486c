"""A labeler's day and pace: submissions, active time, and speed compared with their own usual speed.
Only the labeler sees it; people are not compared."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.labeling.models import Assignment, StepLabel
from app.projects.models import Project

CLOCK_TOLERANCE = dt.timedelta(minutes=1)
"""Clocks differ, and a lease is older than its page."""
MAX_DURATION_MS = 2**31 - 1
USUAL_PACE_DAYS = 14
"""The usual pace is the median over these days before today, with work on at least MIN_DAYS_WORKED."""
MIN_DAYS_WORKED = 3

SELECT_USUAL_PACE = text(
    """
    WITH days AS (
        SELECT sum((SELECT count(*) FROM step_label l WHERE l.assignment_id = a.id)) AS steps,
            sum(a.active_time_ms) AS active
        FROM assignment a
        WHERE a.user_id = :user AND a.project_id = :project AND a.import_origin IS NULL
          AND a.submitted_at >= :since AND a.submitted_at < :today AND a.active_time_ms > 0
        GROUP BY date_trunc('day', a.submitted_at AT TIME ZONE 'UTC')
    )
    SELECT count(*) AS days, percentile_cont(0.5) WITHIN GROUP (ORDER BY steps * 60000.0 / active) AS rate
    FROM days
    """
)


def cap_duration(claimed_ms: int, assignment: Assignment, now: dt.datetime) -> int:
    """A duration that a browser reports, in milliseconds, limited to the time since the assignment
    was created."""
    limit = now - assignment.created_at + CLOCK_TOLERANCE
    return max(0, min(claimed_ms, int(limit.total_seconds() * 1000), MAX_DURATION_MS))


def utc_midnight(now: dt.datetime) -> dt.datetime:
    return now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def load_day_totals(db: Session, project: Project, user: User, now: dt.datetime) -> dict[str, Any]:
    """Submissions since midnight (UTC), their active time and their number of labeled steps."""
    labels = (
        select(func.count())
        .where(StepLabel.assignment_id == Assignment.id)
        .correlate(Assignment)
        .scalar_subquery()
    )
    count, active, steps = db.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Assignment.active_time_ms), 0),
            func.coalesce(func.sum(labels), 0),
        )
        .where(Assignment.user_id == user.id, Assignment.submitted_at >= utc_midnight(now))
        .where(Assignment.project_id == project.id)
    ).one()
    return {"count": count, "active_ms": int(active or 0), "steps": int(steps or 0)}


def compute_usual_pace(db: Session, project: Project, user: User, now: dt.datetime) -> float | None:
    """Steps per minute, the median of the labeler's last days; None with too few days."""
    start = utc_midnight(now)
    values = {
        "user": user.id,
        "project": project.id,
        "since": start - dt.timedelta(days=USUAL_PACE_DAYS),
        "today": start,
    }
    row = db.execute(SELECT_USUAL_PACE, values).one()
    return round(float(row.rate), 1) if row.days >= MIN_DAYS_WORKED else None


def count_labeled_steps(db: Session, assignment: Assignment) -> int:
    return db.scalar(select(func.count()).where(StepLabel.assignment_id == assignment.id)) or 0
