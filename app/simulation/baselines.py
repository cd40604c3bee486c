"""The accuracy of test sets without step labels: the majority vote, pass@N, perfect labels, and an ORM
trained on the graded answers of the pool."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from app.common.atomic_files import write_json
from app.evaluation.best_of_n import best_of_n, pass_at_n
from app.prm.examples import Example
from app.simulation import training
from app.simulation.accuracy import best_of_n_by_problem, correct_samples, majority_accuracies, sample_sizes
from app.simulation.config import SimulationConfig
from app.simulation.datasets import Datasets, Report, SampledProblem, Steps
from app.simulation.request import ORM_SOLUTIONS
from app.world.kinds import WORLDS


def prepare_baselines(
    config: SimulationConfig, datasets: Datasets, folder: Path, report: Report
) -> dict[str, Any]:
    """By test set and baseline, [problems][n]. Stored in the folder."""
    path = folder / "baselines.json"
    if not path.is_file():
        report({"phase": "training the ORM on graded answers"})
        examples = [
            outcome_example(item, steps, item.verdict(steps) == "correct")
            for item, steps in draw_solutions(config, datasets.pool)
        ]
        orm = score_orm(config, datasets, examples, folder / "orm")
        write_json(
            path,
            {
                name: {**label_free_baselines(config, test), "orm": orm[name]}
                for name, test in datasets.tests.items()
            },
        )
    baselines: dict[str, Any] = orjson.loads(path.read_bytes())
    return baselines


def score_orm(
    config: SimulationConfig, datasets: Datasets, examples: Sequence[Example], target: Path
) -> dict[str, Any]:
    """Trains an ORM. Its best-of-N by test set, [problems][n]."""
    model = training.train_model(config, datasets.base, examples, target, "orm")
    scores = training.score_samples(config, model, list(datasets.tests.values()))
    return {
        name: best_of_n_by_problem(test, scores, sample_sizes(test)).tolist()
        for name, test in datasets.tests.items()
    }


def outcome_example(item: SampledProblem, steps: Steps, correct: bool) -> Example:
    """A whole solution with one rating, at its end."""
    return Example(item.statement, list(steps), [*[None] * (len(steps) - 1), 1 if correct else -1])


def draw_solutions(
    config: SimulationConfig, pool: Sequence[SampledProblem]
) -> list[tuple[SampledProblem, Steps]]:
    """A random sample of the parseable solutions."""
    rows = [(item, steps) for item in pool for steps in item.samples if item.verdict(steps) != "unparseable"]
    random.Random(f"{config.seed} orm").shuffle(rows)  # noqa: S311 - repeatable
    return rows[:ORM_SOLUTIONS]


def label_free_baselines(config: SimulationConfig, test: Sequence[SampledProblem]) -> dict[str, Any]:
    world, sizes, correct = WORLDS[config.world], sample_sizes(test), correct_samples(test)
    perfect = []
    for item in test:
        faultless = {steps: -1 not in world.rate(item.problem, steps) for steps in set(item.samples)}
        perfect.append(np.array([float(faultless[steps]) for steps in item.samples]))
    votes = [majority_accuracies(item, sizes, config.seed + place) for place, item in enumerate(test)]
    return {
        "majority": np.array(votes).round(5).tolist(),
        "oracle": pass_at_n(correct, sizes).round(5).tolist(),
        "judge": best_of_n(perfect, correct, sizes).round(5).tolist(),
    }
