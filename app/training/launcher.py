"""Starting a training process: one run at a time on each device."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from app.core import run_lifecycle, subprocess_jobs
from app.core.db import libpq_url, transaction
from app.core.jobs import stop_requested
from app.settings import settings
from app.training.models import TrainingRun
from app.training.runs import TrainingKind


def device_of(config: dict[str, object]) -> str:
    """What a run occupies: one run at a time on each. Asked of the driver, not of torch, which
    the worker need not load."""
    gpu = config.get("device") != "cpu" and Path("/dev/nvidia0").exists()
    return "cuda:0" if gpu else "cpu"


@contextmanager
def device_lock(host: str, device: str) -> Iterator[int | None]:
    """One run a device. A Postgres advisory lock is seen by every worker; a lock file, whose
    descriptor the training process inherits, holds on while that process lives, also through a
    database outage or the death of its watcher. Yields the descriptor, or None when taken."""
    folder = settings().runs_dir
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"device-{device.replace(':', '-')}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        with psycopg.connect(libpq_url(settings().database_url or ""), autocommit=True) as connection:
            key = f"stepmark training {host} {device}"
            taken = connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)
            ).fetchone()
            yield file.fileno() if taken and taken[0] else None


def run(kind: TrainingKind, run_id: int) -> None:
    """Train, if the run is queued and its device is free; else try again soon."""
    with transaction() as db:
        queued = db.get(TrainingRun, run_id)
        if queued is None or queued.state != "queued":
            return
    device = device_of(queued.config)
    with device_lock(socket.gethostname(), device) as lock:
        with transaction() as db:
            if lock is None or stop_requested.is_set():
                run_lifecycle.enqueue_run(db, queued, after_s=5)
                return
            attempt = run_lifecycle.start_attempt(db, run_id, TrainingRun)
            if attempt is not None:
                attempt.device = device
        if attempt is not None:
            process = subprocess_jobs.start_process(kind, attempt, (lock,))
            subprocess_jobs.watch_run(kind, attempt, process)
