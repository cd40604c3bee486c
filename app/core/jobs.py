"""The job queue (procrastinate). Slices declare tasks in tasks.py; a job is
deferred inside the transaction that causes it, and exists only if that commits."""

from __future__ import annotations

from typing import Any

import procrastinate
from sqlalchemy.orm import Session

from app.core.db import libpq_url
from app.settings import settings


def _connector() -> procrastinate.PsycopgConnector:
    return procrastinate.PsycopgConnector(conninfo=libpq_url(settings().database_url or "postgresql://"))


queue = procrastinate.App(connector=_connector())


def defer(
    db: Session,
    name: str,
    *,
    lock: str | None = None,
    once: str | None = None,
    on: str = "default",
    after_s: float | None = None,
    **arguments: Any,
) -> int | None:
    """Queue job `name` in this transaction; `once` keeps at most one waiting
    (then returns None); `after_s` delays it. Named, not imported: the web never loads a job's code."""
    connection = db.connection().connection.driver_connection
    deferrer = queue.configure_task(
        name,
        lock=lock,
        queueing_lock=once,
        queue=on,
        allow_unknown=True,
        connection=connection,
    )
    if once is None:
        return deferrer.defer(**arguments)
    try:
        with connection.transaction():  # a savepoint: the outer transaction lives on
            return deferrer.defer(**arguments)
    except procrastinate.exceptions.AlreadyEnqueued:
        return None
