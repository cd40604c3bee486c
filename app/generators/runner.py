"""Starting a sampling process and watching it. It is a process so that it can be stopped at once,
and so that a local model's memory goes back when it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core import children
from app.core.db import transaction
from app.core.jobs import stopping
from app.generators import runs
from app.generators.models import SamplingRun
from app.settings import settings

LOOK_SECONDS = 0.5
PATIENCE = 3.0
SETTLED = (0, 2)
"""Exit codes after which the process itself has said how the run ended."""


def run(run_id: int, look: Callable[[SamplingRun], None] | None = None) -> None:
    """The job: sample what is missing of the run. `look` is shown the run now and then."""
    with transaction() as db:
        if not runs.begin(db, run_id):
            return
    process, path = spawn(run_id)
    handing_back = watch(process, run_id, look)
    if process.returncode in SETTLED:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            runs.handed_back(db, run_id)
        else:
            tail = path.read_text(errors="replace").splitlines()[-4:]
            said = f"The sampling process ended with {children.ended(process.returncode)}."
            runs.ended_badly(db, run_id, "\n".join([said, *tail]))


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"sampling-{run_id}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.generators.process", str(run_id)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=children.ROOT,
            env=os.environ | {"DATABASE_URL": settings().database_url or ""},
            start_new_session=True,
        )
    return process, path


def watch(
    process: subprocess.Popen[bytes], run_id: int, look: Callable[[SamplingRun], None] | None = None
) -> bool:
    """Until the process is gone; whether it was ended because this worker ends."""
    handing_back = False
    while process.poll() is None:
        if stopping.wait(LOOK_SECONDS):
            handing_back = True
            children.end(psutil.Process(process.pid), PATIENCE)
        elif (now := _now(run_id)) is not None:
            if look:
                look(now)
            if now.state != "running":
                with contextlib.suppress(psutil.NoSuchProcess):
                    children.end(psutil.Process(process.pid), PATIENCE)
    return handing_back


def _now(run_id: int) -> SamplingRun | None:
    try:
        with transaction() as db:
            return db.scalar(select(SamplingRun).where(SamplingRun.id == run_id))
    except SQLAlchemyError:
        return None
