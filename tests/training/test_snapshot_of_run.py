"""A run freezes its own labels when it starts: once, told as it goes, by the attempt that counts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.db import transaction
from app.core.errors import Invalid
from app.core.run_lifecycle import start_attempt
from app.training import process, runs, snapshots
from app.training.models import Snapshot, SnapshotItem, TrainingRun
from tests.factories import base as factories
from tests.factories import training as make


@pytest.fixture
def run_id(database: str) -> int:
    project_id = make.labeled_project(12)
    with transaction() as db:
        data = {"aggregation": "dawid_skene"}
        run_id = runs.start_with(db, project_id, data, make.TINY, None).id
        assert db.scalar(select(func.count()).select_from(Snapshot)) == 0, "no request waits for it"
        assert start_attempt(db, run_id, TrainingRun)
    return run_id


def freeze(run_id: int, fence: int, reports: list[dict[str, Any]], stop: str | None = None) -> int:
    return snapshots.create_snapshot_of_run(run_id, fence, reports.append, lambda: stop)


def test_once_by_the_attempt_that_comes_so_far(run_id: int) -> None:
    reports: list[dict[str, Any]] = []
    for reason in ("cancelled", "asked to end"):
        with pytest.raises(snapshots.SnapshotInterrupted, match=reason):
            freeze(run_id, 1, reports, reason)
    with pytest.raises(snapshots.SnapshotInterrupted, match="overtaken"):
        freeze(run_id, 7, reports)
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(SnapshotItem)) == 0
    snapshot_id = freeze(run_id, 1, reports)
    assert {report["phase"] for report in reports} == {snapshots.PHASE}
    assert freeze(run_id, 2, reports) == snapshot_id == make.row(run_id).snapshot_id
    with transaction() as db:
        snapshot = db.get_one(Snapshot, snapshot_id)
        assert (snapshot.definition["aggregation"], snapshot.counts["solutions"]) == ("dawid_skene", 12)


def test_what_is_not_there_is_refused_at_once_and_what_is_left_of_it_later(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        for data in ({}, {"source": "verdicts"}, {"generations": [3]}):
            with pytest.raises(Invalid, match="No labels match"):
                runs.start_with(db, project.id, data, make.TINY, None)
        with pytest.raises(Invalid, match="aggregation"):
            runs.start_with(db, project.id, {"aggregation": "mean"}, make.TINY, None)
        assert db.scalar(select(func.count()).select_from(TrainingRun)) == 0
    reason, for_good = process.explain_error(Invalid("Nothing is left.", remedy="Label some."))
    assert (reason, for_good) == ("Nothing is left. Label some.", True)
