"""How far a project is, in numbers, for its admin."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.display_name import DISPLAY_NAME
from app.accounts.models import User
from app.core.run_lifecycle import ACTIVE
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.projects.access import Access
from app.projects.models import Membership, Project
from app.runs import queries
from app.runs.queries import RunSummary
from app.selection.next_action import LabelingProgress

MAX_LABELERS = 200
MAX_RUNS = 20


@dataclass(frozen=True)
class ProjectProgress:
    problems: int
    by_verdict: dict[str | None, int]
    """Solutions; None for those without a verdict."""
    generation: int | None
    """Number of the newest one."""
    waiting: int
    """Tasks that still need a labeler."""
    done: int
    labels_today: int
    """Submissions since midnight UTC."""
    labels: int

    @property
    def solutions(self) -> int:
        return sum(self.by_verdict.values())


def count_progress(db: Session, project: Project, now: dt.datetime) -> ProjectProgress:
    problems = db.scalar(select(func.count()).where(Problem.project_id == project.id)) or 0
    verdicts = select(Solution.verdict, func.count()).where(Solution.project_id == project.id)
    tasks = select(
        func.max(Task.generation),
        func.count().filter(Task.assigned_count < Task.overlap, Task.withdrawn_at.is_(None)),
        func.count().filter(Task.assigned_count >= Task.overlap),
    ).where(Task.project_id == project.id)
    submissions = select(
        func.count().filter(Assignment.submitted_at >= midnight(now)),
        func.count(),
    ).where(Assignment.project_id == project.id, Assignment.state == "submitted")
    by_verdict = dict(db.execute(verdicts.group_by(Solution.verdict)).all())
    return ProjectProgress(problems, by_verdict, *db.execute(tasks).one(), *db.execute(submissions).one())


def midnight(now: dt.datetime) -> dt.datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def list_labelers(db: Session, project: Project, now: dt.datetime) -> list[dict[str, Any]]:
    """Labelers of the project, and others who labeled in it, by number of submissions: how many today,
    in the last seven days and in all, how many with an error, and their median time."""
    today = midnight(now)
    submitted = (Assignment.user_id == User.id) & (Assignment.project_id == project.id)
    submitted &= Assignment.state == "submitted"
    week = today - dt.timedelta(days=6)
    rows = db.execute(
        select(
            User.id,
            DISPLAY_NAME.label("name"),
            Membership.role,
            func.count(Assignment.id).filter(Assignment.submitted_at >= today).label("today"),
            func.count(Assignment.id).filter(Assignment.submitted_at >= week).label("week"),
            func.count(Assignment.id).label("total"),
            func.count(Assignment.id).filter(Assignment.finish_reason == "found_error").label("errors"),
            func.percentile_cont(0.5).within_group(Assignment.total_time_ms).label("median_ms"),
            func.max(Assignment.submitted_at).label("last_submitted_at"),
        )
        .select_from(User)
        .outerjoin(Assignment, submitted)
        .outerjoin(Membership, (Membership.user_id == User.id) & (Membership.project_id == project.id))
        .group_by(User.id, Membership.role)
        .having((func.count(Assignment.id) > 0) | (Membership.role == "labeler"))
        .order_by(func.count(Assignment.id).desc(), User.id)
        .limit(MAX_LABELERS)
    )
    return [dict(row) for row in rows.mappings()]


def list_active_runs(db: Session, access: Access) -> list[RunSummary]:
    """The queued and running runs of every kind, newest first, without child runs."""
    runs = queries.list_runs(db, access, states=ACTIVE, limit=MAX_RUNS)
    return [run for run in runs[:MAX_RUNS] if run.parent_id is None]


def labeling_progress(progress: ProjectProgress, labelers: list[dict[str, Any]]) -> LabelingProgress:
    has_tasks = progress.waiting + progress.done > 0
    return LabelingProgress(
        solutions=progress.solutions,
        generation=max(progress.generation or 0, 0) if has_tasks else None,
        waiting=progress.waiting,
        has_labels=progress.labels > 0,
        labelers=sum(labeler["role"] == "labeler" for labeler in labelers),
    )
