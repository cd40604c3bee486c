"""Jobs of scoring: a run, and the sweep behind it."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.scoring import launcher, runs


@queue.task(name="scoring.run", queue="scoring")
def run(scoring_run_id: int) -> None:
    launcher.run(scoring_run_id)


@queue.task(name="scoring.join", queue="scoring")
def join(scoring_run_id: int) -> None:
    launcher.join(scoring_run_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="scoring.sweep", queueing_lock="scoring.sweep")
def sweep(timestamp: int) -> None:
    with transaction() as db:
        runs.sweep(db)
