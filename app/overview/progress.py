"""How far a project is, in numbers: what its admin asks first."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.display_name import DISPLAY_NAME
from app.accounts.models import User
from app.exchange.models import Import
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.projects.models import Membership, Project
from app.selection.models import Round

ACTIVE = ("queued", "running")


def count_progress(db: Session, project: Project, now: dt.datetime) -> dict[str, Any]:
    """Problems; solutions by verdict; tasks waiting and done; labels today (UTC) and ever."""
    problems = db.scalar(select(func.count()).where(Problem.project_id == project.id)) or 0
    verdicts = select(Solution.verdict, func.count()).where(Solution.project_id == project.id)
    by_verdict = dict(db.execute(verdicts.group_by(Solution.verdict)).all())
    waiting, done = db.execute(
        select(
            func.count().filter(Task.taken < Task.overlap, Task.withdrawn_at.is_(None)),
            func.count().filter(Task.taken >= Task.overlap),
        ).where(Task.project_id == project.id)
    ).one()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    labels = select(
        func.count().filter(Assignment.submitted_at >= today),
        func.count(),
    ).where(Assignment.project_id == project.id, Assignment.state == "submitted")
    labels_today, labels_ever = db.execute(labels).one()
    return {
        "problems": problems,
        "solutions": sum(by_verdict.values()),
        "correct": by_verdict.get("correct", 0),
        "incorrect": by_verdict.get("incorrect", 0),
        "unparseable": by_verdict.get("unparseable", 0),
        "ungraded": by_verdict.get(None, 0),
        "waiting": waiting,
        "done": done,
        "labels_today": labels_today,
        "labels": labels_ever,
    }


def list_labelers(db: Session, project: Project, now: dt.datetime) -> list[dict[str, Any]]:
    """Who labeled here or may: today, the last seven days, ever, found errors, median minutes."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    mine = (Assignment.user_id == User.id) & (Assignment.project_id == project.id)
    mine &= Assignment.state == "submitted"
    rows = db.execute(
        select(
            User.id,
            DISPLAY_NAME.label("name"),
            Membership.role,
            func.count(Assignment.id).filter(Assignment.submitted_at >= today).label("today"),
            func.count(Assignment.id)
            .filter(Assignment.submitted_at >= today - dt.timedelta(days=6))
            .label("week"),
            func.count(Assignment.id).label("ever"),
            func.count(Assignment.id).filter(Assignment.finish_reason == "found_error").label("errors"),
            func.percentile_cont(0.5).within_group(Assignment.total_time_ms).label("median_ms"),
            func.max(Assignment.submitted_at).label("last"),
        )
        .select_from(User)
        .outerjoin(Assignment, mine)
        .outerjoin(Membership, (Membership.user_id == User.id) & (Membership.project_id == project.id))
        .group_by(User.id, Membership.role)
        .having((func.count(Assignment.id) > 0) | (Membership.role == "labeler"))
        .order_by(func.count(Assignment.id).desc(), User.id)
        .limit(200)
    )
    return [dict(row) for row in rows.mappings()]


def find_active_runs(db: Session, project: Project) -> dict[str, Any]:
    """The round and the import under way, if any."""
    chosen = select(Round).where(Round.project_id == project.id, Round.state.in_(ACTIVE))
    imports = select(Import).where(Import.project_id == project.id, Import.state.in_(ACTIVE))
    return {
        "round": db.scalar(chosen.order_by(Round.id.desc()).limit(1)),
        "import": db.scalar(imports.order_by(Import.id.desc()).limit(1)),
    }


def find_next_action(
    project: Project, found: dict[str, Any], people: list[dict[str, Any]]
) -> dict[str, str] | None:
    """What an admin does next, where something is missing."""
    home = f"/projects/{project.slug}"
    if not found["solutions"]:
        return {
            "title": "Bring in problems and solutions",
            "words": "A project begins with a file: GSM8K, MATH, ProcessBench, PRM800K or your own.",
            "href": f"{home}/imports",
            "button": "Import a file",
        }
    if not found["waiting"] and not found["done"]:
        return {
            "title": "Nothing is queued yet",
            "words": f"{found['solutions']:,} solutions are here. Queue the first of them for labelers.",
            "href": f"{home}/board",
            "button": "To the board",
        }
    if not any(person["role"] == "labeler" for person in people):
        return {
            "title": "Nobody labels yet",
            "words": f"{found['waiting']:,} tasks wait. Invite labelers by a link.",
            "href": f"{home}/members",
            "button": "Invite someone",
        }
    return None
