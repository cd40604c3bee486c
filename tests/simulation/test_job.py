"""A simulation in the process of a real worker: to its end, killed and resumed, cancelled."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS, cancel_run, resume_run, start_attempt
from app.core.run_recovery import recover_stale_runs
from app.core.subprocess_jobs import run_in_subprocess
from app.simulation import process, recorder, request, runs
from app.simulation.models import Simulation, SimulationMeasurement
from tests.factories import base as factories
from tests.polling import until
from tests.simulation.conftest import TINY


def start(policies: list[str], seeds: list[int], prepared: Path | None = None) -> int:
    """Queued. With `prepared`, every seed has a copy of that folder."""
    with transaction() as db:
        project = factories.project(db, "Pilot")
        parsed = request.parse_request({"config": TINY, "policies": policies, "seeds": seeds})
        run_id = runs.start_simulation(db, project.id, parsed, None).id
        for seed in seeds if prepared else ():
            shutil.copytree(prepared, runs.simulation_folder(run_id) / f"seed-{seed}")
    return run_id


def get_run(run_id: int) -> Simulation:
    with transaction() as db:
        return db.get_one(Simulation, run_id)


def list_measurements(run_id: int) -> list[SimulationMeasurement]:
    with transaction() as db:
        rows = select(SimulationMeasurement).where(SimulationMeasurement.simulation_id == run_id)
        return list(db.scalars(rows.order_by(SimulationMeasurement.created_at)))


def creation_times(run_id: int) -> dict[tuple[int, str, str, int], dt.datetime]:
    return {
        (row.seed, row.policy, row.test_set, row.budget): row.created_at for row in list_measurements(run_id)
    }


@pytest.fixture
def worker(database: str, home: Path) -> Iterator[psutil.Process]:
    log = (home / "worker.log").open("wb")
    process_of_worker = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"], stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield psutil.Process(process_of_worker.pid)
    finally:
        os.killpg(process_of_worker.pid, signal.SIGTERM)
        process_of_worker.wait(60)
        log.close()


def find_process(worker: psutil.Process) -> psutil.Process | None:
    """The process of the simulation."""
    for child in worker.children():
        try:
            if "app.simulation.process" in child.cmdline():
                return child
        except psutil.Error:
            continue
    return None


def test_a_killed_simulation_resumes_and_succeeds(worker: psutil.Process, prepared: Path) -> None:
    run_id = start(["lightman_80_20_gated"], [0, 3], prepared)
    until(lambda: list_measurements(run_id), "the first point")
    simulating = until(lambda: find_process(worker), "its process")
    simulating.kill()
    before = creation_times(run_id)

    def over() -> Simulation | None:
        run = get_run(run_id)
        return None if run.state in ACTIVE else run

    done = until(over, "the simulation", more=lambda: str(get_run(run_id).progress))
    assert (done.state, done.error, done.attempt) == ("succeeded", None, 2)
    measurements = list_measurements(run_id)
    assert len(measurements) == 2 * 2 * 2, "seeds, budgets, test sets"
    assert before.items() <= creation_times(run_id).items(), "nothing is measured twice"
    assert done.results
    assert done.results["plain"]["seeds"] == 2
    assert done.results["plain"]["n"] == [1, 2, 4]
    assert all((row.gate is None) == (row.budget == 4) for row in measurements)
    until(lambda: not runs.simulation_folder(run_id).exists(), "its folder to be deleted")
    assert (done.progress["done"], done.progress["total"]) == (4, 4)


def test_a_cancelled_simulation_loses_its_process_and_keeps_its_measurements(
    database: str, home: Path, prepared: Path
) -> None:
    run_id = start(["random"], list(range(9)), prepared)

    def cancel_after_first(_: Simulation) -> None:
        if list_measurements(run_id):
            with transaction() as db:
                run = db.get_one(Simulation, run_id)
                if run.state == "running":
                    cancel_run(db, run, None)

    run_in_subprocess(runs.KIND, run_id, cancel_after_first)  # returns when the process is gone
    run = get_run(run_id)
    assert (run.state, run.results) == ("cancelled", None), run.error
    assert 2 <= len(list_measurements(run_id)) < 9 * 2 * 2
    with transaction() as db:
        assert not start_attempt(db, run_id, Simulation)
        resume_run(db, db.get_one(Simulation, run_id), None)
    assert get_run(run_id).state == "queued"


def test_a_cancelled_attempt_stops_at_its_next_report(database: str, home: Path) -> None:
    run_id = start(["random"], [0])
    with transaction() as db:
        start_attempt(db, run_id, Simulation)
        cancel_run(db, db.get_one(Simulation, run_id), None)
    report = recorder.Recorder(run_id, 1, 2)
    with pytest.raises(recorder.RunEnded):
        report({"phase": "reading"})


def test_a_writer_without_answers_is_explained(database: str, home: Path, prepared: Path) -> None:
    run_id = start(["random"], [0], prepared)
    pool = runs.simulation_folder(run_id) / "seed-0" / "pool.json"
    problems = orjson.loads(pool.read_bytes())
    pool.write_bytes(orjson.dumps([[statement, answer, [["so"] * 4]] for statement, answer, _ in problems]))
    with transaction() as db:
        assert start_attempt(db, run_id, Simulation)
    assert process.main(run_id, 1) == 2
    run = get_run(run_id)
    assert (run.state, run.attempt) == ("failed", 1), "another attempt would fail the same way"
    assert "increase writer_train_steps" in (run.error or "")


def test_a_folder_admits_one_process(home: Path) -> None:
    with (
        process.lock_folder(home / "simulation"),
        pytest.raises(BlockingIOError),
        process.lock_folder(home / "simulation"),
    ):
        pass


def test_a_lost_worker_is_detected(database: str, home: Path) -> None:
    run_id = start(["random"], [0])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with transaction() as db:
            assert start_attempt(db, run_id, Simulation)
            set_back(db, run_id)
            recover_stale_runs(db)
        run = get_run(run_id)
        assert run.state == ("failed" if attempt == MAX_ATTEMPTS else "queued")
    assert "process is gone" in (run.error or "")


def set_back(db: Any, run_id: int) -> None:
    run = db.get_one(Simulation, run_id)
    run.heartbeat_at = run.heartbeat_at.replace(year=2000)
    db.flush()
