"""A pool scored by a real model in processes that are killed: each score once, none missing."""

from __future__ import annotations

import os
import signal
import threading

import psutil
import pytest
from sqlalchemy import func, select, text

from app.core import subprocess_jobs
from app.core.db import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.run_lifecycle import cancel_run, record_failure, start_attempt
from app.prm.config import TrainConfig
from app.prm.examples import Example
from app.scoring import launcher, runs
from app.scoring.models import Score, ScoringRun, ScoringShard
from app.settings import settings
from app.training.models import Model
from tests.factories import base as factories
from tests.factories.training import TINY
from tests.polling import LONG, gone, until

POOL = 600


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A tiny model's folder, made once."""
    from app.prm.train import train

    examples = [Example(f"Problem {n}?", ["right", "wrong"], [1, -1]) for n in range(8)]
    config = TrainConfig.parse({**TINY, "epochs": 1.0, "checkpoint_seconds": 3600.0})
    outcome = train(
        config, examples, tmp_path_factory.mktemp("run"), lambda report: None, lambda: None, "ab" * 32
    )
    return outcome.published


@pytest.fixture
def queued(database, home, weights, monkeypatch) -> int:
    monkeypatch.setattr(runs, "SHARD", 3)  # many transactions, so that a kill falls among them
    settings().models_dir.mkdir(parents=True)
    (settings().models_dir / "one").symlink_to(weights)
    with transaction() as db:
        project = factories.project(db)
        problem = factories.problem(db, project)
        for n in range(POOL):
            factories.solution(db, problem, (f"{n} is right", "that is wrong"))
        factories.solution(db, problem, ("far too long " * 200,))
        model = Model(project_id=project.id, name="one", path="one", weights_hash=b"1", config={}, metrics={})
        db.add(model)
        db.flush()
        return runs.start(db, project.id, model.id, {"device": "cpu", "threads": 1}).id


def row(run_id: int) -> ScoringRun:
    with transaction() as db:
        return db.scalars(select(ScoringRun).where(ScoringRun.id == run_id)).one()


def in_the_background(run_id: int) -> tuple[threading.Thread, int]:
    """The job, and the id of its process once it scores."""
    job = threading.Thread(target=launcher.run, args=(runs.KIND, run_id))
    job.start()
    until(lambda: row(run_id).done > 0, "the first shard")
    children = [
        child.pid
        for child in psutil.Process().children()
        if "app.scoring.process" in " ".join(child.cmdline())
    ]
    assert len(children) == 1
    return job, children[0]


def test_killed_and_resumed_it_scores_each_solution_once(queued):
    job, pid = in_the_background(queued)
    os.kill(pid, signal.SIGKILL)
    job.join(LONG)
    killed = row(queued)
    assert killed.state == "queued"
    assert "SIGKILL" in killed.error
    assert 0 < killed.done < POOL
    with transaction() as db:  # what is there was finished: no half shard
        assert db.scalar(select(func.count()).select_from(Score)) == killed.done
        before = {row[0]: row[1] for row in db.execute(select(Score.solution_id, Score.log_score))}

    launcher.run(runs.KIND, queued)
    done = row(queued)
    assert (done.state, done.done, done.total, done.error) == ("succeeded", POOL + 1, POOL + 1, None)
    assert done.progress["too_long"] == 1
    assert done.progress["tokens"]["computed"] >= done.progress["tokens"]["distinct"] > 0
    with transaction() as db:
        after = {row[0]: row[1] for row in db.execute(select(Score.solution_id, Score.log_score))}
        assert db.scalar(select(func.sum(ScoringShard.solutions))) == POOL + 1
        assert db.scalars(select(func.cardinality(Score.step_probs)).distinct()).all() == [6]
    assert len(after) == POOL
    assert before.items() <= after.items()


def test_cancelled_its_process_is_gone_within_five_seconds_and_the_scores_stay(queued):
    job, pid = in_the_background(queued)
    with transaction() as db:
        cancel_run(db, row(queued), None)
    until(lambda: gone(pid), "the process to end", 5)
    job.join(5)
    ended = row(queued)
    assert ended.state == "cancelled"
    with transaction() as db:
        assert 0 < db.scalar(select(func.count()).select_from(Score)) < POOL
        with pytest.raises(Conflict):
            cancel_run(db, ended, None)


def test_two_processes_share_a_run_and_one_that_is_killed_leaves_no_gap(queued):
    with transaction() as db:
        attempt = start_attempt(db, queued, ScoringRun)
        assert attempt
    first, second = (subprocess_jobs.start_process(runs.KIND, attempt) for _ in range(2))
    until(lambda: row(queued).done > 0, "the first shard")
    first.kill()
    first.wait()
    assert second.wait(LONG) == 0
    if row(queued).state != "succeeded":  # what the killed one held came free after the other's last look
        third = subprocess_jobs.start_process(runs.KIND, attempt)
        assert third.wait(LONG) == 0
    done = row(queued)
    assert (done.state, done.done) == ("succeeded", POOL + 1)
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Score)) == POOL
        assert db.scalar(select(func.count()).where(ScoringShard.done_at.is_(None))) == 0


def test_workers_elsewhere_are_called_and_one_on_this_machine_stays_out(queued):
    with transaction() as db:
        start_attempt(db, queued, ScoringRun)
        runs.call_for_help(db, queued)
        jobs = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'scoring.join'")
        assert db.scalar(jobs) == runs.HELPERS
    with launcher.device_lock(launcher.socket.gethostname(), launcher.DEVICE):
        launcher.join(queued)
    assert row(queued).done == 0
    launcher.join(queued)  # nobody scores here now
    assert (row(queued).state, row(queued).done) == ("succeeded", POOL + 1)


def test_three_deaths_and_it_has_failed_with_the_reason(queued):
    (settings().models_dir / "one").unlink()
    for _ in range(2):
        with transaction() as db:
            attempt = start_attempt(db, queued, ScoringRun)
            assert attempt
            record_failure(db, queued, attempt.fence, "gone")
        assert row(queued).state == "queued"
    launcher.run(runs.KIND, queued)  # the third dies by itself: its model is not there
    assert row(queued).state == "failed"
    assert "exit code 1" in row(queued).error


def test_what_cannot_be_scored_is_refused(db):
    project = factories.project(db)
    model = Model(project_id=project.id, name="one", path="one", weights_hash=b"1", config={}, metrics={})
    db.add(model)
    db.flush()
    with pytest.raises(NotFound):
        runs.start(db, project.id, model.id + 1, {})
    with pytest.raises(NotFound):
        runs.start(db, factories.project(db).id, model.id, {})
    with pytest.raises(Invalid, match="aggregate"):
        runs.start(db, project.id, model.id, {"aggregate": "best"})
    with pytest.raises(Invalid, match="no solutions"):
        runs.start(db, project.id, model.id, {})
