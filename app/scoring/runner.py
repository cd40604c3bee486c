"""Starting a scoring process and watching it. It is a process so that its memory goes back
when it ends, and so that it can be stopped at once."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import transaction
from app.core.jobs import stopping
from app.scoring import runs
from app.scoring.models import ScoringRun
from app.settings import settings
from app.training.runner import LOOK_SECONDS, ROOT, device_lock, end_group, how_it_ended

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
        handing_back = watch(process, run_id)
    if process.returncode == 0:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            runs.handed_back(db, run_id)
        else:
            tail = path.read_text(errors="replace").splitlines()[-4:]
            said = how_it_ended(process.returncode).replace("training", "scoring")
            runs.ended_badly(db, run_id, "\n".join([said, *tail]))


def join(run_id: int) -> None:
    """The job of a helper: a second process on the same run, if this machine has none. What it leaves
    undone, the first one or the sweep takes up."""
    if _over(run_id):
        return
    with device_lock(socket.gethostname(), DEVICE) as lock:
        if lock is not None:
            process, _ = spawn(run_id)
            watch(process, run_id)


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"scoring-{run_id}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.scoring.process", str(run_id)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": settings().database_url or ""},
            start_new_session=True,
        )
    return process, path


def watch(process: subprocess.Popen[bytes], run_id: int) -> bool:
    """Until the process is gone; whether it was ended because this worker ends."""
    handing_back = False
    while process.poll() is None:
        if stopping.wait(LOOK_SECONDS):
            handing_back = True
            end_group(process, PATIENCE)
        elif _over(run_id):
            end_group(process, PATIENCE)
    return handing_back


def _over(run_id: int) -> bool:
    try:
        with transaction() as db:
            return db.scalar(select(ScoringRun.state).where(ScoringRun.id == run_id)) != "running"
    except SQLAlchemyError:
        return False
