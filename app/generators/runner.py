"""Starting a sampling process and watching it. It is a process so that it can be stopped at once,
and so that a local model's memory goes back when it ends."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core import job_process
from app.core.db import transaction
from app.generators import runs
from app.generators.models import SamplingRun
from app.settings import settings

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
            runs.ended_badly(db, run_id, job_process.how_it_ended("sampling", process.returncode, path))


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"sampling-{run_id}.log"
    return job_process.start("app.generators.process", run_id, log=path), path


def watch(
    process: subprocess.Popen[bytes], run_id: int, look: Callable[[SamplingRun], None] | None = None
) -> bool:
    """Until the process is gone; whether it was ended because this worker ends."""

    def unwanted() -> bool:
        now = _now(run_id)
        if now is not None and look:
            look(now)
        return now is not None and now.state != "running"

    return job_process.watch(process, unwanted, patience=PATIENCE)


def _now(run_id: int) -> SamplingRun | None:
    try:
        with transaction() as db:
            return db.scalar(select(SamplingRun).where(SamplingRun.id == run_id))
    except SQLAlchemyError:
        return None
