"""Jobs of evaluation: freeze a set, advance an evaluation, compute a comparison."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.evaluation import runs


@queue.task(name="evaluation.freeze")
def freeze(set_id: int) -> None:
    from app.evaluation import freeze

    freeze.freeze_set(set_id)


@queue.task(name="evaluation.advance", queue="scoring")
def advance(evaluation_id: int) -> None:
    from app.evaluation import driver

    if driver.advance(evaluation_id):
        with transaction() as db:
            runs.kick(db, evaluation_id, after_s=driver.LOOK_AGAIN_S)


@queue.task(name="evaluation.compare", queue="scoring")
def compare(comparison_id: int) -> None:
    from app.evaluation import comparison_report

    comparison_report.run_comparison(comparison_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="evaluation.sweep", queue="scoring", queueing_lock="evaluation.sweep", pass_context=False)
def sweep(timestamp: int) -> None:
    from app.evaluation import driver

    driver.sweep()
