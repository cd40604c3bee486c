"""Jobs of simulation."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.simulation import runs


@queue.task(name="simulation.play", queue="scoring")
def play(simulation_id: int) -> None:
    from app.simulation import launcher

    launcher.run(simulation_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="simulation.sweep", queueing_lock="simulation.sweep")
def sweep(timestamp: int) -> None:
    with transaction() as db:
        runs.sweep(db)
