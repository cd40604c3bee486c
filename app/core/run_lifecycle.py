"""The lifecycle of every run: queued, running, and then succeeded, failed or cancelled.

Only this file writes `run.state`. Each transition locks the row, checks the former state and creates a
`run_event`. A fence identifies an attempt: a replaced process can change nothing."""

from __future__ import annotations

import datetime as dt
import socket
from typing import Any, TypeVar

from sqlalchemy import cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.jobs import enqueue
from app.core.run_kinds import get_kind
from app.core.run_models import Run, RunEvent

ACTIVE = ("queued", "running")
FINISHED = ("succeeded", "failed", "cancelled")
MAX_ATTEMPTS = 3
WAITING = "waiting for a worker"
ALLOWED = {
    "queued": ("running", "failed", "cancelled"),
    "running": ("queued", *FINISHED),
    **dict.fromkeys(FINISHED, ("queued",)),
}
"""State -> the states that may follow."""

R = TypeVar("R", bound=Run)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def get_run(db: Session, project_id: int, run_id: int, table: type[R]) -> R:
    run = db.get(table, run_id, populate_existing=True) if 0 < run_id < 2**62 else None
    if run is None or run.project_id != project_id:
        raise NotFound("There is no such run in this project.")
    return run


def lock_run(db: Session, run_id: int, table: type[R]) -> R | None:
    """Includes the row of the kind's table, which is read again after the lock is acquired."""
    query = select(table).where(table.id == run_id).with_for_update()
    return db.scalar(query, execution_options={"populate_existing": True})


def lock_attempt(db: Session, run_id: int, fence: int, table: type[R]) -> R | None:
    """The run, if it is running and this attempt is the current one."""
    run = lock_run(db, run_id, table)
    return run if run is not None and run.state == "running" and run.fence == fence else None


def create_run(db: Session, run: R, *, enqueue: bool = True) -> R:
    """A queued run, once its kind has checked its settings. Without `enqueue` the caller does the work."""
    kind = get_kind(run)
    kind.validate(db, run)
    run.progress = {"phase": WAITING} | (run.progress or {})
    db.add(run)
    db.flush()
    kind.on_create(db, run)
    _record(db, run, None, "queued", run.created_by)
    if enqueue:
        enqueue_run(db, run)
    return run


def enqueue_run(db: Session, run: Run, after_s: float | None = None) -> None:
    """Enqueue the job of a worker, unless one is already waiting."""
    kind = get_kind(run)
    enqueue(
        db,
        f"runs.{kind.name}",
        on=kind.job_queue(db, run),
        once=f"run-{run.id}",
        lock=kind.job_lock(run),
        after_s=after_s,
        run_id=run.id,
    )


def start_attempt(db: Session, run_id: int, table: type[R], host: str | None = None) -> R | None:
    """The next attempt at a queued run, with the next fence; None if the run is not queued any more."""
    run = lock_run(db, run_id, table)
    if run is None or run.state != "queued":
        return None
    run.attempt, run.fence = run.attempt + 1, run.fence + 1
    run.host, run.pid, run.error = host or socket.gethostname(), None, None
    run.heartbeat_at = now()
    run.started_at = run.started_at or run.heartbeat_at
    run.progress = {**run.progress, "phase": "starting"}
    get_kind(run).on_attempt(db, run)
    _move(db, run, "running")
    return run


def record_heartbeat(
    db: Session, run_id: int, fence: int, progress: dict[str, Any] | None = None, *, merge: bool = False
) -> str | None:
    """The attempt is alive, and perhaps how far it is. Why it has to stop, if it has to."""
    values: dict[str, Any] = {"heartbeat_at": func.now()}
    if progress is not None:
        values["progress"] = Run.progress.concat(cast(progress, JSONB)) if merge else progress
    statement = update(Run).where(Run.id == run_id, Run.fence == fence, Run.state == "running")
    reply = db.execute(
        statement.values(**values).returning(Run.cancel_requested_at),
        execution_options={"synchronize_session": False},
    ).first()
    if reply is None:
        return "overtaken"
    return "cancelled" if reply[0] else None


def record_success(
    db: Session, run_id: int, fence: int, results: dict[str, Any] | None = None, **progress: Any
) -> bool:
    """False when this attempt does not count any more."""
    run = lock_attempt(db, run_id, fence, Run)
    if run is None:
        return False
    run.results, run.error = results, None
    run.progress = {**run.progress, "phase": "done", **progress}
    _move(db, run, "succeeded")
    return True


def record_failure(
    db: Session, run_id: int, fence: int, reason: str, *, final: bool = False, enqueue: bool = True
) -> str | None:
    """The attempt ended without success: cancelled if that was requested, else queued again, or failed
    after three attempts or when another attempt cannot help (`final`). Returns the new state; None when
    this attempt does not count any more."""
    run = lock_attempt(db, run_id, fence, Run)
    if run is None:
        return None
    if run.cancel_requested_at is not None:
        return _move(db, run, "cancelled", reason=reason)
    run.error = reason
    if final or run.attempt >= MAX_ATTEMPTS:
        return _move(db, run, "failed", reason=reason)
    run.progress = {**run.progress, "phase": f"starting again after attempt {run.attempt}"}
    if enqueue:
        enqueue_run(db, run, after_s=2)
    return _move(db, run, "queued", reason=reason)


def requeue(db: Session, run_id: int, fence: int, reason: str = "The system stopped the process.") -> None:
    """The worker or process was stopped. Another one continues, and no attempt is counted."""
    run = lock_attempt(db, run_id, fence, Run)
    if run is None:
        return
    if run.cancel_requested_at is not None:
        _move(db, run, "cancelled", reason=reason)
        return
    run.attempt -= 1
    run.progress = {**run.progress, "phase": WAITING}
    enqueue_run(db, run, after_s=1)
    _move(db, run, "queued", reason=reason)


def cancel_run(db: Session, run: R, user_id: int | None) -> R:
    """A queued run ends at once. So does a running run, unless its process stops it within seconds."""
    kind = get_kind(run)
    locked = lock_run(db, run.id, kind.table)
    if locked is None or locked.state not in ACTIVE:
        state = locked.state if locked else "gone"
        raise Conflict(f"This {kind.noun} is {state}: there is nothing to cancel.")
    if locked.cancel_requested_at is None:
        locked.cancel_requested_at = now()
        kind.on_cancel(db, locked)
    if locked.state == "queued" or not kind.cancels_gracefully:
        _move(db, locked, "cancelled", user_id)
    else:
        _record(db, locked, "running", "running", user_id, "cancellation requested")
    return locked


def resume_run(db: Session, run: R, user_id: int | None, *, enqueue: bool = True) -> R:
    """Queue the run again with all its attempts. Finished work is not repeated. Without `enqueue`, the caller
    does the work and may resume any finished run."""
    kind = get_kind(run)
    locked = lock_run(db, run.id, kind.table)
    if locked is None or (enqueue and not kind.can_resume(db, locked)):
        state = locked.state if locked else "gone"
        raise Conflict(f"This {kind.noun} is {state}: there is nothing to resume.")
    kind.on_resume(db, locked)
    locked.attempt, locked.error, locked.results = 0, None, None
    locked.finished_at = locked.cancel_requested_at = None
    locked.progress = {**locked.progress, "phase": WAITING}
    _move(db, locked, "queued", user_id)
    if enqueue:
        enqueue_run(db, locked)
    return locked


def _move(db: Session, run: Run, state: str, user_id: int | None = None, reason: str = "") -> str:
    before = run.state
    if state not in ALLOWED[before]:
        raise Conflict(f"A run cannot go from {before} to {state}.")
    run.state = state
    if state != "running":
        run.pid = None
    if state in FINISHED:
        run.finished_at = now()
    _record(db, run, before, state, user_id, reason)
    if state in FINISHED:
        get_kind(run).on_finish(db, run)
    return state


def _record(
    db: Session, run: Run, before: str | None, after: str, user_id: int | None, reason: str = ""
) -> None:
    event = {"run_id": run.id, "from_state": before, "to_state": after, "attempt": run.attempt}
    db.add(RunEvent(**event, user_id=user_id, reason=reason[:2000]))
    db.flush()
