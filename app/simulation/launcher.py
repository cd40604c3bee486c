"""Starting a simulation's process and watching it: a process, so that it can be stopped at once, and
gives way to people's pages."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from app.core import life, subprocess_jobs
from app.settings import settings
from app.simulation import runs
from app.simulation.models import Simulation


def run(run_id: int, look: Callable[[Simulation], None] | None = None) -> None:
    """The job: play, if the simulation still waits. `look` is shown it now and then."""
    life.carry(runs.life, run_id, spawn, runs.life.beat, look)


def folder(run_id: int) -> Path:
    """What it has made so far. On the worker's machine: another one begins anew, with the same seeds."""
    return settings().runs_dir / f"simulation-{run_id}"


def spawn(run_id: int) -> tuple[subprocess.Popen[bytes], Path]:
    path = settings().runs_dir / f"simulation-{run_id}.log"
    return subprocess_jobs.start("app.simulation.process", run_id, log=path), path
