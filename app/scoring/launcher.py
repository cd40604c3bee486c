"""Scoring processes: one for the attempt of a run, and helpers on other machines that share its shards."""

from __future__ import annotations

import socket

from sqlalchemy.exc import SQLAlchemyError

from app.core import run_lifecycle, subprocess_jobs
from app.core.db import transaction
from app.scoring import runs
from app.scoring.models import ScoringRun
from app.training.launcher import device_lock

DEVICE = "scoring"


def run(kind: runs.ScoringKind, run_id: int) -> None:
    """Score the remaining shards of the run, with helpers on other machines."""
    with transaction() as db:
        attempt = run_lifecycle.start_attempt(db, run_id, ScoringRun)
        if attempt is None:
            return
        runs.call_for_help(db, run_id)
    with device_lock(socket.gethostname(), DEVICE):  # taken or not: it keeps helpers off this machine
        subprocess_jobs.watch_run(kind, attempt, subprocess_jobs.start_process(kind, attempt))


def join(run_id: int) -> None:
    """The job of a helper: a second process on the same run, if this machine has none. What it leaves
    undone, the first process or the sweep takes up."""
    with transaction() as db:
        attempt = db.get(ScoringRun, run_id)
    if attempt is None or attempt.state != "running":
        return
    fence = attempt.fence
    with device_lock(socket.gethostname(), DEVICE) as lock:
        if lock is not None:
            log = subprocess_jobs.log_path(run_id)
            process = subprocess_jobs.start(runs.KIND.process, run_id, fence, log=log)
            subprocess_jobs.watch(process, lambda: _is_unwanted(run_id, fence), patience=3)


def _is_unwanted(run_id: int, fence: int) -> bool:
    try:
        with transaction() as db:
            return run_lifecycle.record_heartbeat(db, run_id, fence) is not None
    except SQLAlchemyError:
        return False
