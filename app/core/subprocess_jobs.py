"""The process of a run. Work that takes long, needs much memory or must stop at once runs in a separate
process group, and the worker watches it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core import run_lifecycle
from app.core.db import transaction
from app.core.jobs import stop_requested
from app.core.run_kinds import R, RunKind
from app.core.run_models import Run
from app.core.supervisor import ROOT
from app.settings import settings

POLL_SECONDS = 0.5
SETTLED = (0, 2)
"""Exit codes after which the process itself has recorded how its run ended."""
STOPPED = 3
"""Exit code of a process that was asked to end."""


def run_in_subprocess(
    kind: RunKind[R],
    run_id: int,
    on_poll: Callable[[R], None] | None = None,
    *,
    pass_fds: tuple[int, ...] = (),
) -> None:
    """Run the next attempt of a queued run and watch its process until it ends. `on_poll` gets the run from
    time to time. An unreachable database ends nothing."""
    with transaction() as db:
        run = run_lifecycle.start_attempt(db, run_id, kind.table)
    if run is not None:
        watch_run(kind, run, start_process(kind, run, pass_fds), on_poll)


def start_process(kind: RunKind[Any], run: Run, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    """The process of this attempt; the run knows its id."""
    log = log_path(run.id)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"--- attempt {run.attempt}\n")
    process = start(kind.process, run.id, run.fence, log=log, pass_fds=pass_fds)
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if (row := run_lifecycle.lock_attempt(db, run.id, run.fence, Run)) is not None:
            row.pid = process.pid
    return process


def watch_run(
    kind: RunKind[R], run: R, process: subprocess.Popen[bytes], on_poll: Callable[[R], None] | None = None
) -> None:
    """Watch the process until it ends. Forwards a cancellation, and records the end if the process did
    not."""

    def is_unwanted() -> bool:
        try:
            with transaction() as db:
                reason = _poll(db, kind, run)
                row = db.get(kind.table, run.id) if on_poll else None
        except SQLAlchemyError:
            return False
        if row is not None and on_poll:
            on_poll(row)
        return reason is not None

    stopped = watch(process, is_unwanted, patience=kind.patience_s, patience_at_stop=kind.stop_patience_s)
    if process.returncode in SETTLED:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if stopped or process.returncode in (STOPPED, -signal.SIGTERM):
            run_lifecycle.requeue(db, run.id, run.fence)
        else:
            reason = describe_exit(kind.noun, process.returncode, log_path(run.id))
            run_lifecycle.record_failure(db, run.id, run.fence, reason)


def _poll(db: Session, kind: RunKind[Any], run: Run) -> str | None:
    """Why the attempt is unwanted, if it is; records that it is alive, unless its process does."""
    if not kind.reports_heartbeats:
        return run_lifecycle.record_heartbeat(db, run.id, run.fence)
    query = select(Run.id).where(
        Run.id == run.id,
        Run.fence == run.fence,
        Run.state == "running",
        Run.cancel_requested_at.is_(None),
    )
    return None if db.scalar(query) else "unwanted"


def run_folder(run_id: int) -> Path:
    """Files of a run on the machine of its worker: log and checkpoints."""
    return settings().runs_dir / str(run_id)


def log_path(run_id: int) -> Path:
    return run_folder(run_id) / "log.txt"


def start(
    module: str, *arguments: object, log: Path, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """`python -m module arguments`, on this worker's database; its output is appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": settings().database_url or "", "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            pass_fds=pass_fds,
        )


def is_alive(run: Run) -> bool:
    """Whether the run's process id is still that attempt: the system reuses ids."""
    try:
        command = psutil.Process(run.pid).cmdline()
    except psutil.Error:
        return False
    return command[-2:] == [str(run.id), str(run.fence)]


def watch(
    process: subprocess.Popen[bytes],
    is_unwanted: Callable[[], bool],
    *,
    patience: float,
    patience_at_stop: float | None = None,
) -> bool:
    """Wait until the process ends. It is stopped if the run is cancelled or this worker stops. Returns
    whether the worker stopped it, in which case its work is requeued."""
    stopped = False
    while process.poll() is None:
        if stop_requested.wait(POLL_SECONDS):
            stopped = True
            end_group(process, patience if patience_at_stop is None else patience_at_stop)
        elif is_unwanted():
            end_group(process, patience)
    return stopped


def end_group(process: subprocess.Popen[bytes], patience: float) -> None:
    """Send SIGTERM to the process group, and SIGKILL after `patience` seconds. `process` has the exit
    code."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def describe_exit(noun: str, code: int, log: Path | None = None, lines: int = 6) -> str:
    """In words, with the last lines of its log."""
    if code >= 0:
        sentence = f"The {noun} process ended with exit code {code}."
    else:
        name = signal.Signals(-code).name
        hint = " The system may have run out of memory." if name == "SIGKILL" else ""
        sentence = f"The {noun} process was ended by {name}.{hint}"
    return sentence + (tail(log, lines) if log else "")


def tail(log: Path, lines: int = 6) -> str:
    """The last lines, separated by line breaks; empty if there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4_000))
            last = file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "".join(f"\n{line}" for line in last)
