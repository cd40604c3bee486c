"""A simulation with invented curves, without running it: its folders, and what the database has of them."""

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
from app.simulation.accuracy import N
from app.simulation.models import Simulation
from app.simulation.policy_run import result_path

CONFIG = {
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
    """In the database, with its measurements: half of them unless it succeeded. `gain` raises all curves."""
    parsed = request.parse_request({"config": CONFIG, "policies": list(policies), "seeds": list(seeds)})
    run = Simulation(project_id=project.id, state="running", **runs.request_columns(parsed), **values)
    run.started_at = run.heartbeat_at = dt.datetime.now(dt.UTC)
    db.add(run)
    db.flush()
    with TemporaryDirectory() as temporary:
        folders = [Path(temporary) / f"seed-{seed}" for seed in seeds]
        for seed, folder in zip(seeds, folders, strict=True):
            write_results(folder, parsed, seed, gain)
        for seed, folder in list(zip(seeds, folders, strict=True))[: None if state == "succeeded" else 1]:
            recorder.store_measurements(db, run.id, seed, folder)
        results = None
        if state == "succeeded":
            results = summarize_once(folders, parsed.policies, seeds, gain)
    progress = {"phase": "lightman_80_20_gated: training", "labels": 240, "seed": seeds[0], "total": 18}
    recorder.store_progress(db, run.id, run.fence, progress)
    run.state, run.results = state, results
    if state not in ACTIVE:
        run.finished_at = dt.datetime.now(dt.UTC)
    db.flush()
    db.refresh(run)
    return run


SUMMARIES: dict[tuple[Any, ...], dict[str, Any]] = {}
"""Equal inventions have equal summaries."""


def summarize_once(
    folders: Sequence[Path], policies: Sequence[str], seeds: Sequence[int], gain: float
) -> dict[str, Any]:
    key = (tuple(policies), tuple(seeds), gain)
    if key not in SUMMARIES:
        SUMMARIES[key] = recorder.summarize_tests(folders, policies)
    return SUMMARIES[key]


def write_results(folder: Path, parsed: request.SimulationRequest, seed: int, gain: float = 0.0) -> None:
    """The files of a simulation: its configuration, baselines and the results of every policy."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", parsed.config.to_json())
    n = [int(count) for count in N if count <= parsed.config.test_samples]
    problems = parsed.config.test_problems

    def chances(first: float, last: float) -> list[list[float]]:
        rising = np.linspace(first, last, len(n))
        return np.clip(rising + rng.normal(0, 0.05, (problems, len(n))), 0, 1).round(4).tolist()

    for policy in parsed.policies:
        for place, budget in enumerate(parsed.config.counts):
            tests = {
                test: {
                    "n": n,
                    "best_of": chances(start, start + gain + (0.1 + GAIN.get(policy, 0)) * place),
                    "step_accuracy": 0.7 + (0.1 + GAIN.get(policy, 0)) * place,
                }
                for test, start in (("plain", 0.45), ("shifted", 0.1))
            }
            path = result_path(folder, policy, budget)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, budget_result(policy, budget, place, tests))
    names = {"majority": 0.68, "oracle": 0.93, "judge": 0.86, "orm": 0.5}
    baselines = {name: chances(0.45, last) for name, last in names.items()}
    write_json(folder / "baselines.json", {"plain": baselines, "shifted": baselines})


def budget_result(policy: str, budget: int, place: int, tests: dict[str, Any]) -> dict[str, Any]:
    verdict = "passed" if place == 2 else "failed"
    has_selector = policy != "random" and place > 0
    gate = {"verdict": verdict, "best_of": 0.5, "pass_at_1": 0.45, "majority": 0.6} if has_selector else None
    return {
        "policy": policy, "budget": budget, "queued": list(range(budget)), "negative": budget // 2,
        "selector": gate, "tests": tests, "seconds": {"training": 1.5, "scoring": 2.0},
    }  # fmt: skip
