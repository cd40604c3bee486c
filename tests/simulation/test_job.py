"""A simulation by a real worker, in a process of its own: to its end, killed on the way, cancelled."""

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
from app.simulation.models import Simulation, SimulationPoint
from tests.factories import base as factories
from tests.polling import until
from tests.simulation.conftest import TINY


def started(policies: list[str], seeds: list[int], material: Path | None = None) -> int:
    """Queued; with `material`, every seed finds it in its folder."""
    with transaction() as db:
        project = factories.project(db, "Pilot")
        wanted = request.parse({"setting": TINY, "policies": policies, "seeds": seeds})
        run_id = runs.start(db, project.id, wanted, None).id
        for seed in seeds if material else ():
            shutil.copytree(material, runs.folder(run_id) / f"seed-{seed}")
    return run_id


def row(run_id: int) -> Simulation:
    with transaction() as db:
        return db.get_one(Simulation, run_id)


def points(run_id: int) -> list[SimulationPoint]:
    with transaction() as db:
        mine = select(SimulationPoint).where(SimulationPoint.simulation_id == run_id)
        return list(db.scalars(mine.order_by(SimulationPoint.created_at)))


def made_at(run_id: int) -> dict[tuple[int, str, str, int], dt.datetime]:
    return {(each.seed, each.policy, each.test_set, each.budget): each.created_at for each in points(run_id)}


@pytest.fixture
def worker(database: str, home: Path) -> Iterator[psutil.Process]:
    log = (home / "worker.log").open("wb")
    begun = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"], stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield psutil.Process(begun.pid)
    finally:
        os.killpg(begun.pid, signal.SIGTERM)
        begun.wait(60)
        log.close()


def player(worker: psutil.Process) -> psutil.Process | None:
    """The process that plays."""
    for child in worker.children():
        try:
            if "app.simulation.process" in child.cmdline():
                return child
        except psutil.Error:
            continue
    return None


def test_killed_on_the_way_it_goes_on_and_ends(worker: psutil.Process, material: Path) -> None:
    run_id = started(["lightman_80_20_gated"], [0, 3], material)
    until(lambda: points(run_id), "the first point")
    playing = until(lambda: player(worker), "its process")
    playing.kill()
    before = {
        (each.seed, each.policy, each.test_set, each.budget): each.created_at for each in points(run_id)
    }

    def over() -> Simulation | None:
        found = row(run_id)
        return None if found.state in ACTIVE else found

    done = until(over, "the simulation", more=lambda: str(row(run_id).progress))
    assert (done.state, done.error, done.attempt) == ("succeeded", None, 2)
    found = points(run_id)
    assert len(found) == 2 * 2 * 2, "seeds, budgets, test sets"
    assert before.items() <= made_at(run_id).items(), "nothing is made twice"
    assert done.results
    assert done.results["plain"]["seeds"] == 2
    assert done.results["plain"]["n"] == [1, 2, 4]
    assert all((each.gate is None) == (each.budget == 4) for each in found)
    until(lambda: not runs.folder(run_id).exists(), "its folder to go: all is in its rows")
    assert (done.progress["done"], done.progress["total"]) == (4, 4)


def test_cancelled_its_process_is_gone_and_its_points_stay(database: str, home: Path, material: Path) -> None:
    run_id = started(["random"], list(range(9)), material)

    def look(_: Simulation) -> None:
        if points(run_id):
            with transaction() as db:
                found = db.get_one(Simulation, run_id)
                if found.state == "running":
                    cancel_run(db, found, None)

    run_in_subprocess(runs.KIND, run_id, look)  # returns when the process is gone
    found = row(run_id)
    assert (found.state, found.results) == ("cancelled", None), found.error
    assert 2 <= len(points(run_id)) < 9 * 2 * 2
    with transaction() as db:
        assert not start_attempt(db, run_id, Simulation)
        resume_run(db, db.get_one(Simulation, run_id), None)
    assert row(run_id).state == "queued"


def test_who_hears_that_nobody_wants_it_stops(database: str, home: Path) -> None:
    run_id = started(["random"], [0])
    with transaction() as db:
        start_attempt(db, run_id, Simulation)
        cancel_run(db, db.get_one(Simulation, run_id), None)
    tell = recorder.Keeper(run_id, 1, 2)
    with pytest.raises(recorder.Ended):
        tell({"phase": "reading"})


def test_a_writer_that_comes_to_no_answer_is_told_of(database: str, home: Path, material: Path) -> None:
    run_id = started(["random"], [0], material)
    pool = runs.folder(run_id) / "seed-0" / "pool.json"
    told = orjson.loads(pool.read_bytes())
    pool.write_bytes(orjson.dumps([[statement, answer, [["so"] * 4]] for statement, answer, _ in told]))
    with transaction() as db:
        assert start_attempt(db, run_id, Simulation)
    assert process.main(run_id, 1) == 2
    found = row(run_id)
    assert (found.state, found.attempt) == ("failed", 1), "it would end the same way again"
    assert "give it more reading_steps" in (found.error or "")


def test_two_processes_do_not_play_in_one_folder(home: Path) -> None:
    with (
        process.alone(home / "simulation"),
        pytest.raises(BlockingIOError),
        process.alone(home / "simulation"),
    ):
        pass


def test_a_lost_worker_is_noticed(database: str, home: Path) -> None:
    run_id = started(["random"], [0])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with transaction() as db:
            assert start_attempt(db, run_id, Simulation)
            set_back(db, run_id)
            recover_stale_runs(db)
        found = row(run_id)
        assert found.state == ("failed" if attempt == MAX_ATTEMPTS else "queued")
    assert "process is gone" in (found.error or "")


def set_back(db: Any, run_id: int) -> None:
    found = db.get_one(Simulation, run_id)
    found.heartbeat_at = found.heartbeat_at.replace(year=2000)
    db.flush()
