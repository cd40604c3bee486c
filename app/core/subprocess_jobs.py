"""The process of a job: what takes long, holds much memory or must end at once runs in one of its own,
in a group of its own, and the worker watches it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.jobs import stop_requested
from app.core.run_lifecycle import Life, R
from app.core.supervisor import ROOT
from app.settings import settings

LOOK_SECONDS = 0.5
SETTLED = (0, 2)
"""Exit codes after which the process itself has said how its run ended."""


def carry(
    life: Life[R],
    run_id: int,
    spawn: Callable[[int], tuple[subprocess.Popen[bytes], Path]],
    now: Callable[[Session, int], R | None],
    look: Callable[[R], None] | None = None,
    *,
    patience: float = 3.0,
) -> None:
    """A job that is one process: begun, watched while its run (`now`) is running, and what became of it
    kept. `look` is shown the run now and then. A database that is away ends nothing."""
    with transaction() as db:
        if not life.begin(db, run_id):
            return
    process, log = spawn(run_id)

    def unwanted() -> bool:
        try:
            with transaction() as db:
                run = now(db, run_id)
        except SQLAlchemyError:
            return False
        if run is not None and look:
            look(run)
        return run is not None and run.state != "running"

    handing_back = watch(process, unwanted, patience=patience)
    if process.returncode in SETTLED:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            life.handed_back(db, run_id)
        else:
            life.ended_badly(db, run_id, how_it_ended(life.word, process.returncode, log))


def start(
    module: str, *arguments: object, log: Path, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """`python -m module arguments`, on this worker's database; what it says is added to `log`."""
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


def watch(
    process: subprocess.Popen[bytes],
    unwanted: Callable[[], bool],
    *,
    patience: float,
    patience_at_stop: float | None = None,
) -> bool:
    """Until it is gone: ended when it is `unwanted` (asked now and then) or this worker ends. Whether
    it was ended because the worker ends: then its work is to be handed back."""
    handing_back = False
    while process.poll() is None:
        if stop_requested.wait(LOOK_SECONDS):
            handing_back = True
            end_group(process, patience if patience_at_stop is None else patience_at_stop)
        elif unwanted():
            end_group(process, patience)
    return handing_back


def end_group(process: subprocess.Popen[bytes], patience: float) -> None:
    """SIGTERM to the whole group, SIGKILL to what is left after `patience` seconds. Its exit code is
    kept in `process`."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def how_it_ended(what: str, code: int, log: Path | None = None, lines: int = 6) -> str:
    """In words, with the last lines of its log."""
    if code >= 0:
        said = f"The {what} process ended with exit code {code}."
    else:
        name = signal.Signals(-code).name
        hint = " The system may have run out of memory." if name == "SIGKILL" else ""
        said = f"The {what} process was ended by {name}.{hint}"
    return said + (tail(log, lines) if log else "")


def tail(log: Path, lines: int = 6) -> str:
    """The last lines, each on a line of its own; empty where there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4_000))
            last = file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "".join(f"\n{line}" for line in last)
