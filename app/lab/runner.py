"""Starting a search's process and watching it. It is a process so that its memory goes back when it
ends, and so that it can be stopped at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core import children
from app.core.db import transaction
from app.core.jobs import stopping
from app.lab import runs
from app.lab.models import SearchRun
from app.settings import settings

LOOK_SECONDS = 0.5
PATIENCE = 3.0
SETTLED = (0, 2)
"""Exit codes after which the process itself has said how the run ended."""


def run(run_id: int) -> None:
    """The job: search, if the run still waits."""
    with transaction() as db:
        if not runs.begin(db, run_id):
            return
    process, path = spawn(run_id)
    handing_back = watch(process, run_id)
    if process.returncode in SETTLED:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            runs.handed_back(db, run_id)
        else:
            tail = path.read_text(errors="replace").splitlines()[-4:]
            said = f"The search's process ended with {children.ended(process.returncode)}."
            runs.ended_badly(db, run_id, "\n".join([said, *tail]))


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"search-{run_id}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.lab.process", str(run_id)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=children.ROOT,
            env=os.environ | {"DATABASE_URL": settings().database_url or ""},
            start_new_session=True,
        )
    return process, path


def watch(process: subprocess.Popen[bytes], run_id: int) -> bool:
    """Until the process is gone; whether it was ended because this worker ends."""
    handing_back = False
    while process.poll() is None:
        ending = stopping.wait(LOOK_SECONDS)
        handing_back = handing_back or ending
        if ending or _over(run_id):
            with contextlib.suppress(psutil.NoSuchProcess):
                children.end(psutil.Process(process.pid), PATIENCE)
    return handing_back


def _over(run_id: int) -> bool:
    try:
        with transaction() as db:
            return db.scalar(select(SearchRun.state).where(SearchRun.id == run_id)) != "running"
    except SQLAlchemyError:
        return False
