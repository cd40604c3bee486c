"""Starting a sampling process and watching it. It is a process so that it can be stopped at once,
and so that a local model's memory goes back when it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session

from app.core import life, subprocess_jobs
from app.generators import runs
from app.generators.models import SamplingRun
from app.settings import settings


def run(run_id: int, look: Callable[[SamplingRun], None] | None = None) -> None:
    """The job: sample what is missing of the run. `look` is shown the run now and then."""
    life.carry(runs.life, run_id, spawn, _now, look)


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"sampling-{run_id}.log"
    return subprocess_jobs.start("app.generators.process", run_id, log=path), path


def _now(db: Session, run_id: int) -> SamplingRun | None:
    return db.get(SamplingRun, run_id)
