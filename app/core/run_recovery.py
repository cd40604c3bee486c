"""Recovers runs of all kinds that lost their process or their job."""

from __future__ import annotations

import contextlib
import os
import signal
import socket

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core import run_lifecycle, subprocess_jobs
from app.core.run_kinds import KINDS, RunKind
from app.core.run_models import Run

JOB = """EXISTS (SELECT FROM procrastinate_jobs job WHERE job.task_name = 'runs.' || run.kind
    AND job.status = '{status}' AND (job.args->>'run_id')::bigint = run.id)"""
NO_JOB_WAITS = text("NOT " + JOB.format(status="todo"))
WAS_ENQUEUED = text(f"({JOB.format(status='doing')} OR run.created_at < now() - interval '1 minute')")
"""A command that does the work itself enqueues no job, and starts within a minute."""


def recover_stale_runs(db: Session) -> list[int]:
    """Retries or fails running runs whose process is gone or silent, and enqueues queued runs without a job.
    Returns the IDs of the former."""
    queued = select(Run).where(Run.state == "queued", NO_JOB_WAITS, WAS_ENQUEUED)
    for run in db.scalars(queued).all():
        if run.kind in KINDS:
            run_lifecycle.enqueue_run(db, run)
    silence = func.extract("epoch", func.now() - Run.heartbeat_at)
    running = db.execute(select(Run, silence).where(Run.state == "running").order_by(Run.id)).all()
    return [run.id for run, seconds in running if _recover(db, run, float(seconds or 0))]


def _recover(db: Session, run: Run, silence_s: float) -> bool:
    kind = KINDS.get(run.kind)
    if kind is None:
        return False
    if kind.in_worker:
        return _recover_job(db, run, kind, silence_s)
    reason = _loss(kind, run, silence_s)
    if reason is None:
        return False
    free = select(Run.id).where(Run.id == run.id).with_for_update(skip_locked=True)
    if db.scalar(free) is None:  # a stopped process may hold the row: the next sweep tries again
        return False
    reason += subprocess_jobs.tail(subprocess_jobs.log_path(run.id))
    return run_lifecycle.record_failure(db, run.id, run.fence, reason) is not None


def _recover_job(db: Session, run: Run, kind: RunKind[Run], silence_s: float) -> bool:
    """A worker carries it out in calls; the job of the next call is lost."""
    has_job = db.scalar(select(Run.id).where(Run.id == run.id, NO_JOB_WAITS)) is None
    if has_job or silence_s < kind.silence_s:
        return False
    run_lifecycle.enqueue_run(db, run)
    return True


def _loss(kind: RunKind[Run], run: Run, silence_s: float) -> str | None:
    """Why no process works on this run, or None if one does. Ends a silent process on this machine."""
    is_local = run.host == socket.gethostname() and run.pid is not None
    is_gone = is_local and not subprocess_jobs.is_alive(run)
    if not is_gone and silence_s < kind.silence_s:
        return None
    if is_local and not is_gone:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid or 0, signal.SIGKILL)
    if is_gone or run.pid is None:
        return f"The {kind.noun} process is gone."
    return f"The {kind.noun} process was not heard of for {kind.silence_s:.0f} seconds."
