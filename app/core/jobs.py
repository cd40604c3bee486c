"""The job queue (procrastinate). Slices declare tasks in tasks.py; a job is
deferred inside the transaction that causes it, and exists only if that commits."""

from __future__ import annotations

import threading
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy.orm import Session

from app.core.db import libpq_url
from app.settings import settings

stop_requested = threading.Event()
"""Set when this worker should stop. Long jobs check it."""


def connector() -> procrastinate.PsycopgConnector:
    """A connection to the configured database; the worker opens its own."""
    return procrastinate.PsycopgConnector(conninfo=libpq_url(settings().database_url or "postgresql://"))


queue = procrastinate.App(connector=procrastinate.PsycopgConnector())
"""Where tasks are declared and the worker runs them."""
_deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""Only for `defer`, which brings its connection; apart from `queue`, whose connector is the worker's."""


def enqueue(
    db: Session,
    name: str,
    *,
    lock: str | None = None,
    once: str | None = None,
    on: str = "default",
    after_s: float | None = None,
    **arguments: Any,
) -> int | None:
    """Queue job `name` in this transaction. `once` keeps at most one waiting (then returns
    None); `after_s` delays it. Named, not imported: the web never loads a job's code."""
    connection = db.connection().connection.driver_connection
    assert connection is not None
    options: dict[str, Any] = {"lock": lock, "queueing_lock": once, "queue": on, "connection": connection}
    if after_s is not None:
        options["schedule_in"] = {"seconds": after_s}
    deferrer = _deferring.configure_task(name, allow_unknown=True, **options)
    try:
        with connection.transaction():  # a savepoint: the outer transaction lives on
            return deferrer.defer(**arguments)
    except AlreadyEnqueued:
        return None
