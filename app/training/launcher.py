"""Starting a training process, watching it, and finding the ones that died unwatched."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core import subprocess_jobs
from app.core.db import libpq_url, transaction
from app.core.jobs import stop_requested
from app.settings import settings
from app.training import runs
from app.training.models import TrainingRun

CANCEL_PATIENCE = 3.0
STOP_PATIENCE = 25.0
"""A process asked to end writes its checkpoint first (30 s in all until the kill)."""


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


def run(run_id: int) -> None:
    """The job: train `run_id` if it waits and its device is free, else look again soon."""
    with transaction() as db:
        waiting = db.get(TrainingRun, run_id)
        if waiting is None or waiting.state != "queued":
            return
    host, device = socket.gethostname(), device_of(waiting.config)
    with device_lock(host, device) as lock:
        if lock is None or stop_requested.is_set():
            with transaction() as db:
                runs.kick(db, run_id, after_s=5)
            return
        with transaction() as db:
            claimed = runs.claim(db, run_id, host, device)
        if claimed is not None:
            process = spawn(claimed, lock)
            watch(process, run_id, claimed.fence)


def spawn(claimed: TrainingRun, lock: int) -> subprocess.Popen[bytes]:
    log = log_of(claimed.id)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"--- attempt {claimed.attempt}\n")
    process = subprocess_jobs.start(
        "app.training.process", claimed.id, claimed.fence, log=log, pass_fds=(lock,)
    )
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if (row := runs.held(db, claimed.id, claimed.fence)) is not None:
            row.pid = process.pid
    return process


def watch(process: subprocess.Popen[bytes], run_id: int, fence: int) -> None:
    """Until the process is gone: pass on a cancel, hand it back when the worker ends, and
    settle an attempt that ended without a word."""
    handing_back = subprocess_jobs.watch(
        process,
        lambda: _no_longer_wanted(run_id, fence),
        patience=CANCEL_PATIENCE,
        patience_at_stop=STOP_PATIENCE,
    )
    if process.returncode == 0:
        return
    reason = subprocess_jobs.how_it_ended("training", process.returncode, log_of(run_id))
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            runs.handed_back(db, run_id, fence)
        else:
            runs.ended_badly(db, run_id, fence, reason)


def _no_longer_wanted(run_id: int, fence: int) -> bool:
    """Cancelled, or another attempt counts. While the database is away: keep going."""
    try:
        with transaction() as db:
            row = db.execute(
                select(TrainingRun.cancel_requested_at, TrainingRun.fence).where(TrainingRun.id == run_id)
            ).one_or_none()
    except SQLAlchemyError:
        return False
    return row is None or row[0] is not None or row[1] != fence


def log_of(run_id: int) -> Path:
    return settings().runs_dir / str(run_id) / "log.txt"


def sweep(db: Session) -> list[int]:
    """Runs whose process died unwatched (silent for a minute, or its pid is gone on this host)
    start again or fail. Returns their ids. What is left of an old process here is ended."""
    silent = text("state = 'running' AND heartbeat_at < now() - make_interval(secs => :silence)")
    here = socket.gethostname()
    dead = []
    running = db.scalars(select(TrainingRun).where(TrainingRun.state == "running")).all()
    overdue = set(
        db.scalars(select(TrainingRun.id).where(silent), {"silence": runs.SILENCE.total_seconds()}).all()
    )
    for row in running:
        mine = row.host == here and row.pid is not None
        gone = mine and not _alive(row)
        if row.id not in overdue and not gone:
            continue
        reason = (
            "The training process is gone." if gone else "The training process was not heard of for a minute."
        )
        if mine and not gone:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(row.pid or 0, signal.SIGKILL)
        runs.ended_badly(db, row.id, row.fence, reason + subprocess_jobs.tail(log_of(row.id)))
        dead.append(row.id)
    return dead


def _alive(row: TrainingRun) -> bool:
    """Whether that pid is still that training: ids are given out again."""
    try:
        command = psutil.Process(row.pid).cmdline()
    except psutil.Error:
        return False
    return command[-3:] == ["app.training.process", str(row.id), str(row.fence)]
