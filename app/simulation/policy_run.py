"""The run of one policy, from the initial labels to the last budget. The result of every budget is a file,
so an interrupted simulation continues after the last one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.common.atomic_files import write_json
from app.selection.gate import FAILED, GateResult
from app.simulation import training
from app.simulation.accuracy import Scores, measure
from app.simulation.config import SimulationConfig
from app.simulation.datasets import Datasets, Report
from app.simulation.policies import BASELINE, get_policy
from app.simulation.pool import Labeler, Pool
from app.world.kinds import WORLDS


@dataclass
class PolicyRun:
    config: SimulationConfig
    policy: str
    datasets: Datasets
    folder: Path
    """Of the simulation. Policies that queued the same solutions share a model there."""
    report: Report
    labeler: Labeler | None = None
    """Labels in the place of the world."""

    def __post_init__(self) -> None:
        self.pool = Pool(self.config, self.datasets.pool, self.labeler)
        self.rules = get_policy(self.policy)
        self.scores: Scores | None = None
        self.gate: GateResult | None = None

    def run(self) -> list[dict[str, Any]]:
        """The result of every budget, in order."""
        queued, results = self.pool.initial_solutions(), []
        for budget in self.config.random_counts if self.policy == BASELINE else self.config.counts:
            path = result_path(self.folder, self.policy, budget)
            if path.is_file():
                result = orjson.loads(path.read_bytes())
            else:
                if budget > len(queued):
                    queued = queued + self.select_more(queued, budget - len(queued))
                result = self.measure_budget(budget, queued)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, result)
            results.append(result)
            queued = result["queued"]
        return results

    def select_more(self, queued: list[int], count: int) -> list[int]:
        """A retrained selector, or the first one, chooses; the gate of a gated policy may replace it."""
        if self.policy != BASELINE and (self.scores is None or self.rules.retrains):
            selector = self.train(queued)
            self.report({"phase": f"{self.policy}: scoring the pool", "labels": len(queued)})
            self.scores = training.score_samples(self.config, selector, [self.datasets.pool])
            self.gate = self.pool.check_selector(self.scores)
        failed = self.rules.gated and self.gate is not None and self.gate.verdict == FAILED
        policy, seed = BASELINE if failed else self.policy, self.config.seed * 7919 + len(queued)
        return self.pool.select(policy, self.scores, queued, count, self.config.per_problem, seed)

    def measure_budget(self, budget: int, queued: list[int]) -> dict[str, Any]:
        self.report({"phase": f"{self.policy}: training", "labels": len(queued)})
        started = time.monotonic()
        model = self.train(queued[:budget])
        trained = time.monotonic()
        path = model.parent / "tests.json"
        if not path.is_file():
            write_json(path, self.test(model))
        seconds = {"training": trained - started, "scoring": time.monotonic() - trained}
        return {
            "policy": self.policy,
            "budget": budget,
            "queued": queued,
            "selector": self.gate.model_dump(exclude={"action"}) if self.gate else None,
            "negative": sum(-1 in self.pool.label(solution).targets for solution in queued),
            "tests": orjson.loads(path.read_bytes()),
            "seconds": {name: round(value, 1) for name, value in seconds.items()},
        }

    def train(self, queued: Sequence[int]) -> Path:
        """A model of these labels."""
        name = hashlib.blake2b(orjson.dumps(queued), digest_size=8).hexdigest()
        examples = [self.pool.label(solution) for solution in queued]
        return training.train_model(self.config, self.datasets.base, examples, self.folder / "models" / name)

    def test(self, model: Path) -> dict[str, Any]:
        """By test set, what the model is worth there."""
        tests = self.datasets.tests
        scores = training.score_samples(self.config, model, list(tests.values()))
        return {name: measure(WORLDS[self.config.world], test, scores) for name, test in tests.items()}


def result_path(folder: Path, policy: str, budget: int) -> Path:
    return folder / "policies" / policy / f"{budget}.json"


def load_results(folder: Path, policy: str) -> list[dict[str, Any]]:
    """The stored results of a policy, by budget."""
    paths = sorted((folder / "policies" / policy).glob("*.json"), key=lambda path: int(path.stem))
    return [orjson.loads(path.read_bytes()) for path in paths]
