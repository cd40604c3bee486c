"""Identifies our processes. A process ID alone proves nothing: the process may be dead, a zombie, or another
process with a reused ID. Our server is a live `postgres` whose working directory is our data folder. No other
process is ever signalled."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import psutil

ZOMBIE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def runs_in(process: psutil.Process, data: Path) -> bool:
    """Is `process` a live Postgres process of the data folder `data`?"""
    try:
        if process.status() in ZOMBIE or not process.name().startswith("postgres"):
            return False
        return Path(process.cwd()) == data
    except (psutil.Error, OSError):
        return False


def find_postmaster(data: Path) -> psutil.Process | None:
    """The server named by postmaster.pid, if that process is alive and ours."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
    except (OSError, ValueError, psutil.Error):
        return None
    return process if runs_in(process, data) else None


def list_processes(data: Path) -> list[psutil.Process]:
    """Every Postgres process of `data`, also those whose postmaster was killed."""
    return [process for process in psutil.process_iter() if runs_in(process, data)]


def stop_processes(
    processes: list[psutil.Process], number: signal.Signals, patience: float
) -> list[psutil.Process]:
    """Signal each (psutil refuses a reused id), wait, give back those still alive."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
    return wait_for_exit(processes, patience)


def wait_for_exit(processes: list[psutil.Process], patience: float) -> list[psutil.Process]:
    until = time.monotonic() + patience
    while True:
        processes = [process for process in processes if _alive(process)]
        if not processes or time.monotonic() > until:
            return processes
        time.sleep(0.05)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() not in ZOMBIE
    except psutil.Error:
        return False


def remove_stale_files(data: Path, sockets: Path) -> None:
    """No server of ours is up: end what a killed one left behind, then drop its lock files.

    Postgres refuses a stale lock file when its id belongs to any process of the same
    user, a zombie included, so we decide. Orphans end first: they may still write."""
    orphans = wait_for_exit(list_processes(data), 3)
    orphans = stop_processes(orphans, signal.SIGQUIT, 10)
    stop_processes(orphans, signal.SIGKILL, 10)
    for stale in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)
