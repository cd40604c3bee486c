"""Who needs the server: one small file per owner, named by process id and start time.

The last owner out stops the server. An owner that was killed leaves a file that no
living process matches; it is swept by whoever looks next."""

from __future__ import annotations

import uuid
from pathlib import Path

import psutil


def stamp(pid: int | None = None) -> str:
    process = psutil.Process(pid)
    return f"{process.pid}-{_born(process)}"


def _born(process: psutil.Process) -> str:
    """When it started, untouched by a clock that is set: ticks since boot where the system says so."""
    try:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return str(int(process.create_time()))


def join(folder: Path, who: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    mine = folder / f"{who or stamp()}-{uuid.uuid4().hex[:8]}"
    mine.touch()
    return mine


def living(folder: Path) -> list[Path]:
    """The files of owners that are alive; the others are removed."""
    alive = []
    for file in sorted(folder.glob("*-*-*")):
        pid, born, _ = file.name.split("-")
        if _is(int(pid), born):
            alive.append(file)
        else:
            file.unlink(missing_ok=True)
    return alive


def _is(pid: int, born: str) -> bool:
    try:
        process = psutil.Process(pid)
        return _born(process) == born and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
