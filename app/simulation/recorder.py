"""From a simulation's folder to its rows: points as they come, how far it is, the results."""

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
from app.simulation import summary
from app.simulation.config import Setting
from app.simulation.models import SimulationPoint

TELL_SECONDS = 0.5
TESTS = ("plain", "shifted")


class Ended(Exception):
    """Cancelled, or in other hands."""


class Keeper:
    """What a simulation reports, written to its row; the points of a seed's folder as they come."""

    def __init__(self, run_id: int, fence: int, total: int) -> None:
        self.run_id, self.fence, self.total = run_id, fence, total
        self.seed, self.folder = 0, Path()
        self.told = ("", 0.0)

    def go_on(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder

    def __call__(self, said: dict[str, Any]) -> None:
        phase, now = str(said["phase"]), time.monotonic()
        if phase == self.told[0] and now - self.told[1] < TELL_SECONDS:
            return
        self.told = (phase, now)
        with transaction() as db:
            keep(db, self.run_id, self.seed, self.folder)
            note(db, self.run_id, self.fence, {**_plain(said), "seed": self.seed, "total": self.total})


def note(db: Session, run_id: int, fence: int, progress: dict[str, Any]) -> None:
    """How far it is, in points; Ended if nobody wants to know any more."""
    done = select(func.count()).where(
        SimulationPoint.simulation_id == run_id, SimulationPoint.test_set == TESTS[0]
    )
    if record_heartbeat(db, run_id, fence, {**progress, "done": db.scalar(done) or 0}) is not None:
        raise Ended


def keep(db: Session, run_id: int, seed: int, folder: Path) -> None:
    """The folder's points that are not rows yet."""
    there = select(SimulationPoint.policy, SimulationPoint.budget).where(
        SimulationPoint.simulation_id == run_id, SimulationPoint.seed == seed
    )
    known = {(row.policy, row.budget) for row in db.execute(there)}
    rows = [
        row
        for path in sorted(folder.glob("arms/*/*.json"))
        if (path.parent.name, int(path.stem)) not in known
        for row in points(orjson.loads(path.read_bytes()))
    ]
    if rows:
        place = {"simulation_id": run_id, "seed": seed}
        made = insert(SimulationPoint).values([{**place, **row} for row in rows])
        db.execute(made.on_conflict_do_nothing())


def points(told: dict[str, Any]) -> list[dict[str, Any]]:
    """An arm's file of one budget (arms.run), by test set."""
    return [
        {
            "policy": told["policy"],
            "test_set": name,
            "budget": told["budget"],
            "labeled": min(told["budget"], len(told["queued"])),
            "negative": told["negative"],
            "n": test["n"],
            "best_of": np.mean(test["best_of"], axis=0).round(5).tolist(),
            "gate": told["selector"],
            "seconds": told["seconds"],
        }
        for name, test in told["tests"].items()
    ]


def results(folders: Sequence[Path], policies: Sequence[str]) -> dict[str, Any]:
    """By test set."""
    return {test: summary.of(folders, policies, test) for test in TESTS}


def total(settings: Sequence[Setting], policies: Sequence[str]) -> int:
    return sum(len(each.counts) for each in settings) * len(policies)


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if isinstance(value, str | int | float)}
