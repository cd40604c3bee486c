"""Jobs of evaluation: freezing a set."""

from __future__ import annotations

from app.core.jobs import queue


@queue.task(name="evaluation.freeze")
def freeze(set_id: int) -> None:
    from app.evaluation import freeze

    freeze.freeze_set(set_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="evaluation.sweep", queue="scoring", queueing_lock="evaluation.sweep", pass_context=False)
def sweep(timestamp: int) -> None:
    from app.evaluation import driver

    driver.freeze_waiting_sets()
