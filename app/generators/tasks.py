"""Jobs of generators: a run, and the sweep behind it."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.generators import runner, runs


@queue.task(name="generators.sample")
def sample(sampling_run_id: int) -> None:
    runner.run(sampling_run_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="generators.sweep", queueing_lock="generators.sweep")
def sweep(timestamp: int) -> None:
    with transaction() as db:
        runs.sweep(db)
