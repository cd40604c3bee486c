"""The labels of a run that was told which, and not given a snapshot: its process freezes them before
it learns from them. Where reliability is learned from many labels that takes seconds: no request waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.db import transaction
from app.core.run_lifecycle import lock_attempt
from app.training import snapshots
from app.training.models import TrainingRun

PHASE = "freezing the labels"
Report = Callable[[dict[str, Any]], None]


class Stopped(Exception):
    """The run was cancelled, overtaken or asked to end meanwhile: nothing is frozen."""


def snapshot_of(run_id: int, fence: int, report: Report, should_stop: Callable[[], str | None]) -> int:
    """The snapshot's number. All in one transaction: a run that dies while it freezes leaves nothing,
    and its next attempt begins anew."""

    def report_frozen(solutions: int) -> None:
        if reason := should_stop():
            raise Stopped(reason)
        report({"phase": PHASE, "frozen": solutions})

    with transaction() as db:
        run = db.get_one(TrainingRun, run_id)
        if run.snapshot_id is not None:
            return run.snapshot_id
        report_frozen(0)
        snapshot = snapshots.create_snapshot(
            db, run.project_id, run.data or {}, run.created_by, report_frozen
        )
        attempt = lock_attempt(db, run_id, fence, TrainingRun)
        if attempt is None:
            raise Stopped("overtaken")
        attempt.snapshot_id = snapshot.id
        return snapshot.id
