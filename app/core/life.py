"""The life of a run: a row that waits (queued), is carried by a worker's process (running) and ends
(succeeded, failed, cancelled). Every step locks the row and is taken only from the state before it, so
that of two that come at once one does nothing. What a run is for is its slice's."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnExpressionArgument, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core import subprocess_jobs
from app.core.column_types import RunColumns
from app.core.db import transaction
from app.core.errors import Conflict, NotFound

ACTIVE = ("queued", "running")
ATTEMPTS = 3

R = TypeVar("R", bound=RunColumns)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Life(Generic[R]):
    """Of the runs of one table."""

    table: type[R]
    word: str
    """What people call one: "search"."""
    kick: Callable[[Session, R, float | None], None]
    """Have a worker take it up, after so many seconds."""
    silence_s: float = 90
    """A running one that has not been heard of for so long has lost its process."""
    begins_from: Sequence[str] = ("queued",)
    begun: Callable[[R], None] = _nothing
    """What else an attempt sets at its beginning."""
    over: Callable[[Session, R], None] = _nothing
    """What follows an end, whichever it is."""
    swept: Sequence[ColumnExpressionArgument[bool]] = ()
    """Which running ones the sweep looks after; all, if nothing is said."""

    def locked(self, db: Session, run_id: int) -> R | None:
        chosen = select(self.table).where(self.table.id == run_id).with_for_update(of=self.table)
        return db.scalar(chosen, execution_options={"populate_existing": True})

    def find(self, db: Session, project_id: int, run_id: int) -> R:
        found = db.get(self.table, run_id, populate_existing=True) if 0 < run_id < 2**62 else None
        if found is None or found.project_id != project_id:
            raise NotFound(f"There is no such {self.word} in this project.")
        return found

    def begin(self, db: Session, run_id: int) -> bool:
        """One more attempt at a run that waits; False for one that is over or in other hands. One whose
        worker died is put back by the sweep."""
        found = self.locked(db, run_id)
        if found is None or found.state not in self.begins_from:
            return False
        found.state, found.attempt, found.heartbeat_at = "running", found.attempt + 1, now()
        found.started_at = found.started_at or found.heartbeat_at
        self.begun(found)
        db.flush()
        return True

    def beat(self, db: Session, run_id: int) -> R | None:
        """The run, which is now known to be in hands."""
        mine = update(self.table).where(self.table.id == run_id, self.table.state == "running")
        db.execute(mine.values(heartbeat_at=func.now()))
        return db.get(self.table, run_id)

    def handed_back(self, db: Session, run_id: int) -> None:
        """Its worker ends; another attempt does not count against it."""
        found = self.locked(db, run_id)
        if found is not None and found.state == "running":
            found.state, found.attempt = "queued", found.attempt - 1
            self.kick(db, found, 1)

    def ended_badly(self, db: Session, run_id: int, reason: str) -> None:
        """Its process died. Tried again up to three times in all; what is done is not done again."""
        found = self.locked(db, run_id)
        if found is None or found.state != "running":
            return
        if found.attempt >= ATTEMPTS:
            self.failed(db, run_id, reason)
        else:
            found.state, found.error = "queued", reason
            self.kick(db, found, 2)

    def failed(self, db: Session, run_id: int, reason: str) -> None:
        """For good: it would end the same way again."""
        found = self.locked(db, run_id)
        if found is not None and found.state in ACTIVE:
            found.error = reason
            self._end(db, found, "failed")

    def succeeded(self, db: Session, run_id: int, **kept: Any) -> None:
        """`kept` are columns of its row."""
        found = self.locked(db, run_id)
        if found is not None and found.state == "running":
            for name, value in {**kept, "error": None}.items():
                setattr(found, name, value)
            self._end(db, found, "succeeded")

    def cancelled(self, db: Session, run_id: int) -> R:
        """Its process is ended within seconds; what it has made stays."""
        found = self.locked(db, run_id)
        if found is None or found.state not in ACTIVE:
            how = found.state if found else "gone"
            raise Conflict(f"This {self.word} is {how}: there is nothing to cancel.")
        self._end(db, found, "cancelled")
        return found

    def sweep(self, db: Session) -> None:
        """Runs that nobody has heard of for a while (their worker died) are taken up again."""
        latest = func.now() - dt.timedelta(seconds=self.silence_s)
        silent = select(self.table.id).where(self.table.state == "running", self.table.heartbeat_at < latest)
        for run_id in db.scalars(silent.where(*self.swept)).all():
            self.ended_badly(db, run_id, f"The {self.word} process is gone.")

    def _end(self, db: Session, found: R, state: str) -> None:
        found.state, found.finished_at = state, now()
        db.flush()
        self.over(db, found)


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

    handing_back = subprocess_jobs.watch(process, unwanted, patience=patience)
    if process.returncode in subprocess_jobs.SETTLED:
        return
    with contextlib.suppress(SQLAlchemyError), transaction() as db:
        if handing_back:
            life.handed_back(db, run_id)
        else:
            life.ended_badly(db, run_id, subprocess_jobs.describe_exit(life.word, process.returncode, log))
