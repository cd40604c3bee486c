"""Identify a process by its id and start time, since the system reuses ids."""

from __future__ import annotations

from pathlib import Path

import psutil


def process_identity(pid: int | None = None) -> str:
    """ "1234-567": this process, or the one with that id. Raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    return f"{process.pid}-{_boot_ticks(process)}"


def find_process(identity: str) -> psutil.Process | None:
    """The process with that identity, unless it ended (a zombie has ended)."""
    try:
        process = psutil.Process(int(identity.split("-")[0]))
        same = process_identity(process.pid) == identity and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return None
    return process if same else None


def _boot_ticks(process: psutil.Process) -> str:
    """Start time in ticks since boot where available, so that setting the clock changes nothing."""
    try:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return str(int(process.create_time()))
