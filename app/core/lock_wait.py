"""A bounded wait for locks, where a person waits for the answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.errors import DomainError

MAX_WAIT_S = 3
SET_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', :wait, true)")
RESET_LOCK_TIMEOUT = text("SET LOCAL lock_timeout TO DEFAULT")


@contextmanager
def bounded_lock_wait(db: Session, busy: DomainError) -> Iterator[None]:
    """Raises `busy`, and undoes the block, if another transaction holds a row for more than MAX_WAIT_S."""
    try:
        with db.begin_nested():
            db.execute(SET_LOCK_TIMEOUT, {"wait": f"{MAX_WAIT_S}s"})
            yield
            db.flush()
            db.execute(RESET_LOCK_TIMEOUT)
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise busy from error
        raise
