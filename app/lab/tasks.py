"""Jobs of the lab."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.lab import runs


@queue.task(name="lab.search", queue="scoring")
def search(search_run_id: int) -> None:
    from app.lab import launcher

    launcher.run(search_run_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="lab.sweep", queueing_lock="lab.sweep")
def sweep(timestamp: int) -> None:
    with transaction() as db:
        runs.sweep(db)
