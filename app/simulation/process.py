"""The process of a simulation: `python -m app.simulation.process RUN_ID FENCE`."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.core.config_file import parse_config
from app.core.db import transaction
from app.core.run_lifecycle import record_failure, record_success
from app.core.subprocess_jobs import STOPPED
from app.prm.train import NoLabeledExamples
from app.simulation import recorder, runs
from app.simulation.config import SimulationConfig
from app.simulation.models import Simulation
from app.simulation.request import SimulationRequest
from app.simulation.run import OtherConfigError, simulate_seed

FAILED = 2
NO_LABELS = (
    "No labeled solution has a step that a model can read, so there is nothing to learn. The writer may not "
    "have learned to finish its solutions: increase writer_train_steps or initial_labels."
)


def main(run_id: int, fence: int) -> int:
    """Returns 0 on success, 2 when the run failed for good, was cancelled or has a newer attempt."""
    with transaction() as db:
        run = db.get_one(Simulation, run_id)
        config = parse_config(SimulationConfig, {**run.config, "seed": run.seeds[0]})
        request = SimulationRequest(config, tuple(run.policies), tuple(run.seeds))
    folder = runs.simulation_folder(run_id)
    try:
        with lock_folder(folder):
            finish(run_id, fence, simulate(run_id, fence, request, folder), folder)
    except recorder.RunEnded:
        return FAILED
    except OtherConfigError as error:
        return fail(run_id, fence, f"{error}. Start a new simulation.")
    except NoLabeledExamples:
        return fail(run_id, fence, NO_LABELS)
    return 0


def fail(run_id: int, fence: int, reason: str) -> int:
    """Another attempt would fail the same way."""
    with transaction() as db:
        record_failure(db, run_id, fence, reason, final=True)
    return FAILED


def simulate(run_id: int, fence: int, request: SimulationRequest, folder: Path) -> dict[str, Any]:
    configs = request.configs()
    folders = [folder / f"seed-{config.seed}" for config in configs]
    report = recorder.Recorder(
        run_id, fence, len(folders) * len(request.config.counts) * len(request.policies)
    )
    for config, seed_folder in zip(configs, folders, strict=True):
        report.start_seed(config.seed, seed_folder)
        simulate_seed(config, request.policies, seed_folder, report)
        report({"phase": "storing measurements"})
    return recorder.summarize_tests(folders, request.policies)


def finish(run_id: int, fence: int, results: dict[str, Any], folder: Path) -> None:
    """The worker ends processes of runs that are not running, so from here on the process ends by itself."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with transaction() as db:
        record_success(db, run_id, fence, results)
    shutil.rmtree(folder, ignore_errors=True)  # the database has everything that pages show


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keeps a second process out, even if its worker believes that the first one is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # drafts of folders are removed
    os.nice(10)
    code = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
