"""A training and its worker while the whole database is killed under them, and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select, text

from app.core import db as core_db
from app.core.db import transaction
from app.core.embedded import Embedded
from app.core.jobs import enqueue
from app.core.migrate import upgrade_schema
from app.problems.models import Solution
from app.training.models import Model, TrainingPoint
from tests.conftest import forget
from tests.factories import base as factories
from tests.factories import training as make
from tests.polling import until


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Embedded]:
    """A Postgres of this test's own, to be killed; the settings point at it."""
    with tempfile.TemporaryDirectory(prefix="stepmark-away-") as folder:
        Path(folder).chmod(0o755)
        own = Embedded(Path(folder) / "postgres")
        monkeypatch.setenv("DATABASE_URL", own.start())
        forget()
        upgrade_schema(core_db.engine())
        yield own
        forget()
        own.stop()


@pytest.fixture
def worker(server: Embedded, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "app.cli", "worker"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        yield process
        process.kill()
        process.wait()
    print((tmp_path / "worker.log").read_text()[-2000:])


def kill(server: Embedded) -> None:
    postmaster = psutil.Process(server.status().pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family, 10)


def test_a_training_outlives_an_outage_and_its_worker_goes_on(
    server: Embedded, worker: subprocess.Popen[bytes]
) -> None:
    run_id = make.queued_run(epochs=60.0, checkpoint_seconds=0.5)
    until(lambda: make.row(run_id).progress.get("step", 0) >= 3, "the training to take steps")
    kill(server)
    time.sleep(4)
    server.start()
    until(lambda: make.row(run_id).state == "succeeded", "the training to end")
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Model)) == 1
        steps = db.scalars(select(TrainingPoint.step).order_by(TrainingPoint.step)).all()
    assert steps[-1] == make.row(run_id).progress["steps"]

    with transaction() as db:
        project = factories.project(db)
        solution = factories.solution(db, factories.problem(db, project), verdict=None)
        enqueue(db, "problems.grade", project_id=project.id)
    until(lambda: verdict(solution.id) is not None, "the worker to take the next job")

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    with transaction() as db:
        assert db.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")) == 0


def verdict(solution_id: int) -> str | None:
    with transaction() as db:
        return db.get_one(Solution, solution_id).verdict
