"""A selection policy followed through a whole Stepmark, in a project of its own: import, desk, rounds and
evaluations. Web and worker are real processes; labelers follow the exact ratings of a small world."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from app.problems import grading
from app.settings import settings
from app.simulation.config import SimulationConfig
from app.simulation.datasets import Datasets, SampledProblem
from app.simulation.policies import get_policy
from app.simulation.pool import Pool
from app.world.kinds import WORLDS
from app.world.kinds.base import final_answer, flip_ratings
from app.world.writer.model import LONGEST
from tests.flows.scripted_labelers import Rater, label_together, read_json
from tests.polling import until

RUN_SECONDS = 240
EVALUATION_SETS = {
    "Validation": {"splits": ["validation"]},
    "Test": {"splits": ["test"], "source": "plain"},
}
"""The first set becomes the default of the project, which the gate uses."""


@dataclass
class WorldProject:
    project_id: int
    slug: str
    admin: httpx.Client
    labelers: Sequence[httpx.Client]
    config: SimulationConfig
    policy: str
    datasets: Datasets
    folder: Path

    def follow(self) -> list[dict[str, Any]]:
        """By budget: the round that queued its newest labels and the evaluation of its model."""
        self.import_world()
        sets = self.create_evaluation_sets()
        base, results, queued_by = self.install_writer(), [], None
        for place, budget in enumerate(self.config.counts):
            label_together(self.labelers, self.slug, self.rater())
            next_budget = self.config.counts[place + 1] if place + 1 < len(self.config.counts) else None
            if next_budget is None:
                run = self.run(
                    "/training-runs", {"train": self.training(base, budget), "data": {"held_out": 0}}
                )
                model_id = run["model_id"]
            else:
                run = self.run("/rounds", self.round_config(base, budget, next_budget))
                model_id = run["outputs"]["model_id"]
            evaluation = self.run("/evaluations", {"set_id": sets["Test"], "model_id": model_id,
                                                   "config": {"subsets": 20, "resamples": 200}})  # fmt: skip
            results.append({"budget": budget, "round": queued_by, "evaluation": evaluation})
            queued_by = run
        return results

    def import_world(self) -> None:
        """The initial solutions come in alone and are queued, then everything else."""
        initial = set(self.initial_solutions())
        for name, lines in (("initial", self.lines(initial)), ("rest", self.lines(initial, rest=True))):
            path = self.folder / f"{name}.jsonl"
            path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
            with path.open("rb") as file:
                answer = self.admin.post(
                    self.address("/imports"), files={"file": (path.name, file)}, data={"format": "stepmark"}
                )
            self.wait_for(f"/imports/{read_json(answer)['id']}")
            if name == "initial":
                self.post("/queue", {"limit": self.config.initial_labels})
        until(lambda: grading.waiting(self.project_id) == 0, "the grader", RUN_SECONDS)

    def initial_solutions(self) -> list[tuple[int, int]]:
        """(problem, sample) of the solutions that the in-process form starts with too."""
        pool = Pool(self.config, self.datasets.pool)
        places = [
            (number, place)
            for number, problem in enumerate(self.datasets.pool)
            for place in range(len(problem.samples))
        ]
        return [places[solution] for solution in pool.initial_solutions()]

    def lines(self, initial: set[tuple[int, int]], *, rest: bool = False) -> Iterator[dict[str, Any]]:
        """Stepmark JSON Lines of the initial solutions, or of everything else."""
        queueable = len(self.datasets.pool) - self.config.validation_problems
        for number, problem in enumerate(self.datasets.pool):
            places = [
                place for place in range(len(problem.samples)) if ((number, place) in initial) is not rest
            ]
            if places:
                split = "train" if number < queueable else "validation"
                yield from problem_lines("pool", number, problem, split, places)
        for number, problem in enumerate(self.datasets.tests["plain"]) if rest else ():
            yield from problem_lines("plain", number, problem, "test", range(len(problem.samples)))

    def create_evaluation_sets(self) -> dict[str, int]:
        """Frozen before anything is trained."""
        return {
            name: self.post("/evaluation-sets", {"name": name, "definition": definition})["id"]
            for name, definition in EVALUATION_SETS.items()
        }

    def install_writer(self) -> str:
        """The writer in the folder of models, so that a training may start from it."""
        return str(shutil.copytree(self.datasets.base, settings().models_dir / "writer"))

    def rater(self) -> Rater:
        """The exact ratings of the world, with the label noise of the configuration."""
        world = WORLDS[self.config.world]
        problems = {problem.statement: problem.problem for problem in self.datasets.pool}

        def rate(statement: str, steps: list[str]) -> list[int]:
            chance = random.Random(f"{self.config.seed} {statement} {steps}")  # noqa: S311 - repeatable
            return flip_ratings(world.rate(problems[statement], steps), self.config.label_noise, chance)

        return rate

    def round_config(self, base: str, budget: int, next_budget: int) -> dict[str, Any]:
        policy = get_policy(self.policy)
        assert policy.mixture is not None
        return {
            "policy": {
                "size": next_budget - budget,
                "shares": dict(policy.mixture.shares),
                "per_problem": self.config.per_problem,
                "seed": (self.config.seed * 7919 + budget) % 2**31,
            },
            "gate": {
                "if_failed": "random" if policy.gated else "proceed",
                "if_inconclusive": "proceed",
                "min_problems": 2,
                "min_solutions": 2,
            },
            "data": {"held_out": 0.0},
            "train": self.training(base, budget),
        }

    def training(self, base: str, labels: int) -> dict[str, Any]:
        return {
            "base": base,
            "objective": "prm3",
            "max_length": LONGEST,
            "epochs": self.config.scaled_epochs(labels),
            "learning_rate": self.config.learning_rate,
            "batch_size": 32,
            "group_by": "none",
            "evaluations": 0,
            "device": "cpu",
            "threads": self.config.threads,
        }

    def run(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Starts a run and waits until it has succeeded."""
        return self.wait_for(f"{path}/{self.post(path, body)['id']}")

    def wait_for(self, path: str) -> dict[str, Any]:
        def poll() -> dict[str, Any] | None:
            run: dict[str, Any] = read_json(self.admin.get(self.address(path)))
            return run if run["state"] in ("succeeded", "failed", "cancelled") else None

        run = until(poll, f"{path} to finish", RUN_SECONDS)
        assert run["state"] == "succeeded", run
        return run

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = read_json(self.admin.post(self.address(path), json=body))
        return answer

    def address(self, path: str) -> str:
        return f"/api/v1/projects/{self.slug}{path}"


def problem_lines(
    source: str, number: int, problem: SampledProblem, split: str, places: Sequence[int]
) -> Iterator[dict[str, Any]]:
    name = f"{source}-{number}"
    yield {
        "kind": "problem", "id": name, "statement": problem.statement, "answer": problem.reference,
        "split": split, "source": source,
    }  # fmt: skip
    for place in places:
        if steps := problem.samples[place]:
            yield {
                "kind": "solution", "id": f"{name}-{place}", "problem": name, "generator": "the writer",
                "steps": list(steps), "answer": final_answer(steps),
            }  # fmt: skip
