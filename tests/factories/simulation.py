"""A simulation as it looks when it was played, without playing it: folders with curves made up, and
what is kept of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.common.atomic_files import write_json
from app.core.run_lifecycle import ACTIVE
from app.projects.models import Project
from app.simulation import recorder, request, runs
from app.simulation.models import Simulation
from app.simulation.policy_run import N

SETTING = {
    "world": "lineage",
    "test_problems": 30,
    "shifted_problems": 30,
    "test_samples": 16,
    "budgets": ["60", "240", "960"],
}
GAIN = {"random": 0.0, "lightman_80_20_fixed": -0.06, "lightman_80_20": 0.02, "lightman_80_20_gated": 0.09}


def simulation(
    db: Session,
    project: Project,
    state: str = "succeeded",
    *,
    policies: Sequence[str] = ("random", "lightman_80_20_fixed", "lightman_80_20_gated"),
    seeds: Sequence[int] = (0, 1),
    gain: float = 0.0,
    **values: Any,
) -> Simulation:
    """In the database, with its points; half of them where it is not over. `gain` is everyone's."""
    parsed = request.parse({"setting": SETTING, "policies": list(policies), "seeds": list(seeds)})
    run = Simulation(project_id=project.id, state="running", **runs.told(parsed), **values)
    run.started_at = run.heartbeat_at = dt.datetime.now(dt.UTC)
    db.add(run)
    db.flush()
    with TemporaryDirectory() as place:
        folders = [Path(place) / f"seed-{seed}" for seed in seeds]
        for seed, folder in zip(seeds, folders, strict=True):
            played(folder, parsed, seed, gain)
        for seed, folder in list(zip(seeds, folders, strict=True))[: None if state == "succeeded" else 1]:
            recorder.keep(db, run.id, seed, folder)
        results = None
        if state == "succeeded":
            results = summed_up(folders, parsed.policies, seeds, gain)
    progress = {"phase": "lightman_80_20_gated: training", "labels": 240, "seed": seeds[0], "total": 18}
    recorder.note(db, run.id, run.fence, progress)
    run.state, run.results = state, results
    if state not in ACTIVE:
        run.finished_at = dt.datetime.now(dt.UTC)
    db.flush()
    db.refresh(run)
    return run


SUMMED_UP: dict[tuple[Any, ...], dict[str, Any]] = {}
"""What is made up the same way comes to the same."""


def summed_up(
    folders: Sequence[Path], policies: Sequence[str], seeds: Sequence[int], gain: float
) -> dict[str, Any]:
    key = (tuple(policies), tuple(seeds), gain)
    if key not in SUMMED_UP:
        SUMMED_UP[key] = recorder.results(folders, policies)
    return SUMMED_UP[key]


def played(folder: Path, simulation_request: request.Asked, seed: int, gain: float = 0.0) -> None:
    """What arms.run and references.made leave."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "setting.json", simulation_request.setting.to_json())
    n = [int(count) for count in N if count <= simulation_request.setting.test_samples]
    problems = simulation_request.setting.test_problems

    def chances(first: float, last: float) -> list[list[float]]:
        rising = np.linspace(first, last, len(n))
        return np.clip(rising + rng.normal(0, 0.05, (problems, len(n))), 0, 1).round(4).tolist()

    for policy in simulation_request.policies:
        arm = folder / "arms" / policy
        arm.mkdir(parents=True)
        for place, budget in enumerate(simulation_request.setting.counts):
            tests = {
                test: {
                    "n": n,
                    "best_of": chances(start, start + gain + (0.1 + GAIN.get(policy, 0)) * place),
                    "steps_told_right": 0.7 + (0.1 + GAIN.get(policy, 0)) * place,
                }
                for test, start in (("plain", 0.45), ("shifted", 0.1))
            }
            write_json(arm / f"{budget}.json", _told(policy, budget, place, tests))
    names = {"majority": 0.68, "oracle": 0.93, "judge": 0.86, "orm": 0.5}
    baselines = {name: chances(0.45, last) for name, last in names.items()}
    write_json(folder / "references.json", {"plain": baselines, "shifted": baselines})


def _told(policy: str, budget: int, place: int, tests: dict[str, Any]) -> dict[str, Any]:
    verdict = "passed" if place == 2 else "failed"
    asked_of = policy != "random" and place > 0
    gate = {"verdict": verdict, "best_of": 0.5, "pass_at_1": 0.45, "majority": 0.6} if asked_of else None
    return {
        "policy": policy, "budget": budget, "queued": list(range(budget)), "negative": budget // 2,
        "selector": gate, "tests": tests, "seconds": {"training": 1.5, "reading": 2.0},
    }  # fmt: skip
