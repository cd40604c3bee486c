"""Jobs of runs: one for each kind, and the sweep behind all of them."""

from __future__ import annotations

from typing import Any

from app.core.db import transaction
from app.core.jobs import queue
from app.core.run_kinds import KINDS, RunKind, load_executor
from app.core.run_recovery import recover_stale_runs


def declare(kind: RunKind[Any]) -> None:
    @queue.task(name=f"runs.{kind.name}")
    def execute(run_id: int) -> None:
        load_executor(kind)(kind, run_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="runs.recover", queueing_lock="runs.recover")
def recover(timestamp: int) -> None:
    with transaction() as db:
        recover_stale_runs(db)


for registered in KINDS.values():
    declare(registered)
