"""Runs that a worker executes without a subprocess: in one call, or in many calls if a run waits for other
runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core import run_lifecycle
from app.core.db import transaction
from app.core.errors import DomainError, find_disk_full
from app.core.run_kinds import R, RunKind

log = logging.getLogger("stepmark.runs")


class Stopped(Exception):
    """The worker stops; another one continues."""


class Overtaken(Exception):
    """This attempt is no longer current: the run was cancelled, or another attempt replaced it."""


def run_in_worker(kind: RunKind[R], run_id: int, work: Callable[[R], None]) -> None:
    """One attempt in one call. `work` records its success; its errors are recorded here. A run that is still
    running has lost its worker."""
    with transaction() as db:
        run = run_lifecycle.lock_run(db, run_id, kind.table)
        if run is not None and run.state == "running":
            reason = f"The worker of the {kind.noun} is gone."
            run_lifecycle.record_failure(db, run_id, run.fence, reason, enqueue=False)
        run = run_lifecycle.start_attempt(db, run_id, kind.table)
    if run is not None:
        record_errors(run, work, kind)


def advance_in_worker(kind: RunKind[R], run_id: int, work: Callable[[R], bool]) -> bool:
    """One of many calls. Returns whether the run waits and must be called again. If the worker dies, no
    attempt is counted and the next call continues."""
    with transaction() as db:
        run = run_lifecycle.start_attempt(db, run_id, kind.table) or db.get(kind.table, run_id)
        if run is None or run.state != "running":
            return False
        run_lifecycle.record_heartbeat(db, run_id, run.fence)
    return bool(record_errors(run, work, kind))


def record_errors(run: R, work: Callable[[R], Any], kind: RunKind[R]) -> Any:
    try:
        return work(run)
    except OperationalError:
        raise  # the database went away: nothing is wrong with the run, the sweep comes back
    except Overtaken:
        return None
    except Stopped:
        with transaction() as db:
            run_lifecycle.requeue(db, run.id, run.fence)
        return None
    except Exception as error:
        with transaction() as db:
            run_lifecycle.record_failure(db, run.id, run.fence, describe_error(kind, run, error), final=True)
        return None


def describe_error(kind: RunKind[R], run: R, error: Exception) -> str:
    """The reason is for the page. An unexpected error is also in the worker's log."""
    error = find_disk_full(error) or error
    if isinstance(error, DomainError):
        return f"{error.message} {error.remedy}".strip()
    log.exception("%s %s failed", kind.noun, run.id, exc_info=error)
    return f"{type(error).__name__}: {str(error)[:2000]}"


def require_attempt(db: Session, run: R, table: type[R]) -> R:
    """The run, locked, if this attempt still counts."""
    locked = run_lifecycle.lock_attempt(db, run.id, run.fence, table)
    if locked is None:
        raise Overtaken
    return locked
