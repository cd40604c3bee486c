"""Starting a search's process and watching it. It is a process so that its memory goes back when it
ends, and so that it can be stopped at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from app.core import life, subprocess_jobs
from app.lab import runs
from app.lab.models import SearchRun
from app.settings import settings


def run(run_id: int, look: Callable[[SearchRun], None] | None = None) -> None:
    """The job: search, if the run still waits. `look` is shown the run now and then."""
    life.carry(runs.life, run_id, spawn, runs.life.beat, look)


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"search-{run_id}.log"
    return subprocess_jobs.start("app.lab.process", run_id, log=path), path
