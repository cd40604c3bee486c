"""Trainings that are killed, stopped and cancelled, as real processes on a real database."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app.core import subprocess_jobs
from app.core.db import transaction
from app.core.jobs import stop_requested
from app.core.run_lifecycle import cancel_run, resume_run, start_attempt
from app.core.run_recovery import recover_stale_runs
from app.settings import settings
from app.training import launcher, runs
from app.training.models import Model, TrainingPoint, TrainingRun
from tests.factories import training as make
from tests.polling import LONG as PATIENCE
from tests.polling import gone, until

LONG = {"epochs": 900.0}


@pytest.fixture(autouse=True)
def _a_place_of_its_own(database, home) -> Iterator[None]:
    yield
    stop_requested.clear()


def in_the_background(run_id: int) -> threading.Thread:
    job = threading.Thread(target=launcher.run, args=(runs.KIND, run_id))
    job.start()
    return job


def trains(run_id: int, fence: int, step: int = 3) -> None:
    """Wait until this attempt is among its steps."""

    def has_taken_steps() -> bool:
        now = make.row(run_id)
        assert now.error is None
        assert now.state in ("queued", "running")
        return now.fence == fence and now.pid is not None and now.progress.get("step", 0) >= step

    until(has_taken_steps, "the training to take steps")


def claimed(run_id: int, host: str | None = None):
    with transaction() as db:
        attempt = start_attempt(db, run_id, TrainingRun, host)
        assert attempt is not None
    return subprocess_jobs.start_process(runs.KIND, attempt, (make.open_null_device(),))


def models(run_id: int) -> list[Model]:
    with transaction() as db:
        return list(db.scalars(select(Model).where(Model.training_run_id == run_id)))


def test_killed_it_goes_on_from_its_checkpoint_and_publishes_one_model_that_loads():
    from app.prm.checkpoint import compute_weights_hash, load

    run_id = make.queued_run(epochs=14.0)  # 18 problems, 4 a step: 63 steps
    job = in_the_background(run_id)
    trains(run_id, fence=1)
    os.kill(make.row(run_id).pid, signal.SIGKILL)
    job.join(PATIENCE)
    killed = make.row(run_id)
    assert (killed.state, killed.attempt, killed.pid) == ("queued", 1, None)
    assert "SIGKILL" in killed.error
    assert not models(run_id)

    launcher.run(runs.KIND, run_id)
    done = make.row(run_id)
    assert (done.state, done.attempt, done.error) == ("succeeded", 2, None), done.error
    assert done.progress["resumed_at"] >= 3
    (model,) = models(run_id)
    folder = settings().models_dir / model.path
    card = load(folder).card
    assert card["snapshot"]
    assert card["labels"]["definition"]["aggregation"] == "majority"
    assert card["labels"]["of"] == (
        "labels of people; a step rated by several has the rating of more than half of the labelers"
    )
    assert card["labels"]["counts"]["dropped"] == {"undecided": 0}
    assert compute_weights_hash(folder) == model.weights_hash
    with transaction() as db:
        assert db.scalar(select(func.max(TrainingPoint.step))) == done.progress["steps"]
    assert not (settings().runs_dir / str(run_id) / "checkpoints").exists()
    launcher.run(runs.KIND, run_id)  # a job that comes twice changes nothing
    assert len(models(run_id)) == 1


def test_cancelled_its_process_is_gone_within_five_seconds():
    run_id = make.queued_run(**LONG)
    job = in_the_background(run_id)
    trains(run_id, fence=1)
    pid = make.row(run_id).pid
    begun = time.monotonic()
    with transaction() as db:
        cancel_run(db, make.row(run_id), None)
    until(lambda: gone(pid), "the process to end", 5)
    assert time.monotonic() - begun < 5
    job.join(5)
    assert make.row(run_id).state == "cancelled"
    assert not models(run_id)


def test_a_worker_that_ends_hands_its_training_back_with_a_checkpoint():
    run_id = make.queued_run(**LONG, checkpoint_seconds=3600.0)
    job = in_the_background(run_id)
    trains(run_id, fence=1)
    stop_requested.set()
    job.join(30)
    assert not job.is_alive()
    back = make.row(run_id)
    assert (back.state, back.attempt) == ("queued", 0)  # no attempt is lost by it
    assert list((settings().runs_dir / str(run_id) / "checkpoints").glob("step-*"))


def stop_outside_a_transaction(pid: int) -> None:
    """Stop the process while it holds no lock on its run, which would make everyone else wait."""
    for _ in range(100):
        os.killpg(pid, signal.SIGSTOP)
        try:
            with transaction() as db:
                db.execute(text("SELECT id FROM run FOR UPDATE NOWAIT"))
            return
        except OperationalError:
            os.killpg(pid, signal.SIGCONT)
            time.sleep(0.05)
    pytest.fail("the process never rests between two transactions")


def test_the_sweep_does_not_wait_for_a_row_that_somebody_holds():
    run_id = make.queued_run(epochs=16.0)
    process = claimed(run_id, "another-host")
    trains(run_id, fence=1, step=1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    with transaction() as db:
        db.execute(text("UPDATE run SET heartbeat_at = now() - interval '61 seconds'"))
    with transaction() as holder:
        holder.execute(text("SELECT id FROM run FOR UPDATE"))
        with transaction() as db:
            db.execute(text("SET LOCAL statement_timeout = '5s'"))
            assert recover_stale_runs(db) == []
    with transaction() as db:
        assert recover_stale_runs(db) == [run_id]


def test_stopped_overtaken_and_woken_it_publishes_nothing():
    run_id = make.queued_run(epochs=16.0, checkpoint_seconds=0.2)
    old = claimed(run_id, "another-host")  # nobody here may end it
    trains(run_id, fence=1, step=1)
    stop_outside_a_transaction(old.pid)
    with transaction() as db:
        assert recover_stale_runs(db) == []
        db.execute(text("UPDATE run SET heartbeat_at = now() - interval '61 seconds'"))
    with transaction() as db:
        assert recover_stale_runs(db) == [run_id]
    assert "not heard of" in make.row(run_id).error
    new = claimed(run_id)
    os.killpg(old.pid, signal.SIGCONT)
    assert old.wait(PATIENCE) != 0
    assert not models(run_id)
    assert new.wait(PATIENCE) == 0
    (model,) = models(run_id)
    assert model.path.endswith(f"run-{run_id}-2")
    assert [path.name for path in settings().models_dir.glob("*/*")] == [f"run-{run_id}-2"]


def test_three_deaths_and_it_has_failed_with_the_reason():
    run_id = make.queued_run(**LONG)
    for attempt in (1, 2, 3):
        process = claimed(run_id)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with transaction() as db:
            assert recover_stale_runs(db) == [run_id]
        now = make.row(run_id)
        assert now.state == ("failed" if attempt == 3 else "queued")
        assert "The training process is gone." in now.error
        assert f"--- attempt {attempt}" in now.error  # the last lines of its log
    with transaction() as db:
        resume_run(db, make.row(run_id), None)
    assert (make.row(run_id).state, make.row(run_id).attempt) == ("queued", 0)


def test_one_run_a_device():
    with launcher.device_lock("here", "cpu") as first:
        assert first is not None
        with launcher.device_lock("here", "cpu") as second:
            assert second is None
        with launcher.device_lock("here", "cuda:0") as other:
            assert other is not None
        run_id = make.queued_run()
        launcher.run(runs.KIND, run_id)  # the lock file is the device's, whatever the host is called
        assert (make.row(run_id).state, make.row(run_id).attempt) == ("queued", 0)


def test_what_trying_again_cannot_help_fails_at_once():
    run_id = make.queued_run(base=None, max_length=16)
    with transaction() as db:
        db.execute(text("UPDATE problem SET statement = repeat('far too long ', 500)"))
    launcher.run(runs.KIND, run_id)
    failed = make.row(run_id)
    assert (failed.state, failed.attempt) == ("failed", 1)
    assert "max_length" in failed.error
