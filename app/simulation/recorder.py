"""From the folder of a simulation to the database: measurements and progress while it runs, the summary at
its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.run_lifecycle import record_heartbeat
from app.simulation.models import SimulationMeasurement
from app.simulation.summary import summarize

REPORT_SECONDS = 0.5
TESTS = ("plain", "shifted")


class RunEnded(Exception):
    """The run was cancelled, or has a newer attempt."""


class Recorder:
    """Called with every progress report of a simulation."""

    def __init__(self, run_id: int, fence: int, total: int) -> None:
        self.run_id, self.fence, self.total = run_id, fence, total
        self.seed, self.folder = 0, Path()
        self.last_phase, self.last_time = "", 0.0

    def start_seed(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder

    def __call__(self, progress: dict[str, Any]) -> None:
        phase, now = str(progress["phase"]), time.monotonic()
        if phase == self.last_phase and now - self.last_time < REPORT_SECONDS:
            return
        self.last_phase, self.last_time = phase, now
        plain = {name: value for name, value in progress.items() if isinstance(value, str | int | float)}
        with transaction() as db:
            store_measurements(db, self.run_id, self.seed, self.folder)
            store_progress(db, self.run_id, self.fence, {**plain, "seed": self.seed, "total": self.total})


def store_progress(db: Session, run_id: int, fence: int, progress: dict[str, Any]) -> None:
    """Raises RunEnded if the attempt has to stop."""
    done = select(func.count()).where(
        SimulationMeasurement.simulation_id == run_id, SimulationMeasurement.test_set == TESTS[0]
    )
    if record_heartbeat(db, run_id, fence, {**progress, "done": db.scalar(done) or 0}) is not None:
        raise RunEnded


def store_measurements(db: Session, run_id: int, seed: int, folder: Path) -> None:
    """Inserts the results of the folder that the database does not have yet."""
    stored = select(SimulationMeasurement.policy, SimulationMeasurement.budget).where(
        SimulationMeasurement.simulation_id == run_id, SimulationMeasurement.seed == seed
    )
    keys = {(row.policy, row.budget) for row in db.execute(stored)}
    rows = [
        {"simulation_id": run_id, "seed": seed, **row}
        for path in sorted(folder.glob("policies/*/*.json"))
        if (path.parent.name, int(path.stem)) not in keys
        for row in measurement_rows(orjson.loads(path.read_bytes()))
    ]
    if rows:
        db.execute(insert(SimulationMeasurement).values(rows).on_conflict_do_nothing())


def measurement_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The result of a budget (policy_run.py), a row per test set."""
    return [
        {
            "policy": result["policy"],
            "test_set": name,
            "budget": result["budget"],
            "labeled": min(result["budget"], len(result["queued"])),
            "negative": result["negative"],
            "n": test["n"],
            "best_of": np.mean(test["best_of"], axis=0).round(5).tolist(),
            "gate": result["selector"],
            "seconds": result["seconds"],
        }
        for name, test in result["tests"].items()
    ]


def summarize_tests(folders: Sequence[Path], policies: Sequence[str]) -> dict[str, Any]:
    return {test: summarize(folders, policies, test) for test in TESTS}
