"""Starting a scoring process and watching it. It is a process so that its memory goes back
when it ends, and so that it can be stopped at once."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core import subprocess_jobs
from app.core.db import transaction
from app.scoring import runs
from app.scoring.models import ScoringRun
from app.settings import settings
from app.training.launcher import device_lock

PATIENCE = 3.0
DEVICE = "scoring"


def run(run_id: int) -> None:
    """The job: score what is left of the run. Workers on other machines are called to join."""
    with transaction() as db:
        if not runs.begin(db, run_id):
            return
        runs.call_for_help(db, run_id)
    with device_lock(socket.gethostname(), DEVICE):  # taken or not: it keeps helpers off this machine
        process, path = spawn(run_id)
        handing_back = subprocess_jobs.watch(process, lambda: _over(run_id), patience=PATIENCE)
    if process.returncode == 0:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            runs.handed_back(db, run_id)
        else:
            runs.ended_badly(db, run_id, subprocess_jobs.describe_exit("scoring", process.returncode, path))


def join(run_id: int) -> None:
    """The job of a helper: a second process on the same run, if this machine has none. What it leaves
    undone, the first one or the sweep takes up."""
    if _over(run_id):
        return
    with device_lock(socket.gethostname(), DEVICE) as lock:
        if lock is not None:
            process, _ = spawn(run_id)
            subprocess_jobs.watch(process, lambda: _over(run_id), patience=PATIENCE)


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"scoring-{run_id}.log"
    return subprocess_jobs.start("app.scoring.process", run_id, log=path), path


def _over(run_id: int) -> bool:
    try:
        with transaction() as db:
            return db.scalar(select(ScoringRun.state).where(ScoringRun.id == run_id)) != "running"
    except SQLAlchemyError:
        return False
