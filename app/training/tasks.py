"""Jobs of training: a run, and the sweep behind it."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.training import launcher


@queue.task(name="training.run", queue="training")
def run(training_run_id: int) -> None:
    launcher.run(training_run_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="training.sweep", queueing_lock="training.sweep")
def sweep(timestamp: int) -> None:
    with transaction() as db:
        launcher.sweep(db)
