"""Workers, queued and failed jobs, and disk usage."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict
from app.core.run_kinds import KINDS
from app.core.run_lifecycle import ACTIVE
from app.core.run_models import Run

STATES = ("todo", "doing", "succeeded", "failed", "cancelled", "aborted")


def count_jobs_by_queue(db: Session) -> list[dict[str, Any]]:
    """One row a queue, with the number of jobs in each state."""
    queues: dict[str, dict[str, Any]] = {}
    rows = db.execute(text("SELECT queue_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2"))
    for queue, status, number in rows:
        queues.setdefault(queue, {"queue": queue, **dict.fromkeys(STATES, 0)})[status] = number
    return [queues[queue] for queue in sorted(queues)]


@dataclass(frozen=True)
class ActiveRuns:
    """Queued and running runs of one kind, in all projects."""

    label: str
    queued: int
    running: int


def count_active_runs(db: Session) -> list[ActiveRuns]:
    """Every kind of run, by its label."""
    query = (
        select(Run.kind, Run.state, func.count()).where(Run.state.in_(ACTIVE)).group_by(Run.kind, Run.state)
    )
    counts = {(kind, state): number for kind, state, number in db.execute(query)}
    rows = [
        ActiveRuns(kind.label, *(counts.get((name, state), 0) for state in ACTIVE))
        for name, kind in KINDS.items()
    ]
    return sorted(rows, key=lambda row: row.label)


def list_workers(db: Session) -> list[dict[str, Any]]:
    rows = db.execute(
        text(
            "SELECT w.id, w.last_heartbeat, w.last_heartbeat > now() - interval '60 seconds' AS alive,"
            " count(j.id) FILTER (WHERE j.status = 'doing') AS doing"
            " FROM procrastinate_workers w LEFT JOIN procrastinate_jobs j ON j.worker_id = w.id"
            " GROUP BY w.id ORDER BY w.last_heartbeat DESC LIMIT 50"
        )
    )
    return [dict(row) for row in rows.mappings()]


def list_failed_jobs(db: Session, limit: int = 50) -> list[dict[str, Any]]:
    rows = db.execute(
        text(
            "SELECT j.id, j.task_name, j.queue_name, j.attempts, j.args, max(e.at) AS at"
            " FROM procrastinate_jobs j LEFT JOIN procrastinate_events e ON e.job_id = j.id"
            " WHERE j.status = 'failed' GROUP BY j.id ORDER BY j.id DESC LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


def retry_job(db: Session, job_id: int, actor: User) -> None:
    """Put a failed job back into its queue. Every job may run twice."""
    job = db.execute(
        text("SELECT status::text, task_name FROM procrastinate_jobs WHERE id = :id FOR UPDATE"),
        {"id": job_id},
    ).one_or_none()
    if job is None or job.status != "failed":
        raise Conflict("This job has not failed, so it cannot be retried.", remedy="Reload the page.")
    db.execute(text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)"), {"id": job_id})
    audit.record_event(db, actor, "job.retry", f"{job.task_name} {job_id}")


def measure_disk_usage(db: Session, home: Path) -> list[tuple[str, int]]:
    """Bytes: the database, each folder of STEPMARK_HOME, and free space on that disk."""
    database = db.scalar(text("SELECT pg_database_size(current_database())")) or 0
    folders = sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
    sizes = [(folder.name, folder_size(folder)) for folder in folders]
    disk = home if home.is_dir() else Path("/")
    return [("database", int(database)), *sizes, ("free space", shutil.disk_usage(disk).free)]


def folder_size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder, onerror=None):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 - Path objects are slow here
            except OSError:
                continue  # deleted meanwhile, or not readable
    return total
