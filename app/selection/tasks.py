"""Jobs of selection: the round's driver and the sweep behind it."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.selection import round_driver


@queue.task(name="selection.advance")
def advance(round_id: int) -> None:
    if round_driver.advance(round_id):
        with transaction() as db:
            round_driver.kick(db, round_id, after_s=round_driver.LOOK_AGAIN_S)


@queue.periodic(cron="* * * * *")
@queue.task(name="selection.sweep", queueing_lock="selection.sweep", pass_context=False)
def sweep(timestamp: int) -> None:
    round_driver.sweep()
