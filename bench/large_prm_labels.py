"""Synthetic supervision: a large PRM, trained with exact labels of many solutions, labels in the place of
the world, so that policies can be compared cheaply (Lightman et al. 2023, section 4)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.common.atomic_files import write_json
from app.prm.examples import Example
from app.prm.predict import SolutionScores
from app.simulation import training
from app.simulation.baselines import draw_solutions, outcome_example, prepare_baselines, score_orm
from app.simulation.config import SimulationConfig
from app.simulation.datasets import Datasets, Report, SampledProblem, Steps, prepare_datasets
from app.simulation.policy_run import PolicyRun
from app.simulation.pool import Labeler
from app.simulation.run import claim_folder
from app.world.kinds import WORLDS
from app.world.kinds.base import up_to_first_error

NEGATIVE_ABOVE = 0.2
"""A step is negative if its p(negative) is higher. A solution is correct if no step is negative."""


def simulate_with_large_prm(
    config: SimulationConfig, solutions: int, policies: Sequence[str], folder: Path, report: Report
) -> None:
    """A simulation whose labels come from a PRM trained on `solutions` labeled solutions."""
    claim_folder(config, folder)
    datasets = prepare_datasets(config, folder, report)
    baselines = prepare_baselines(config, datasets, folder, report)
    labeler = train_labeler(config, solutions, datasets, folder, report)
    add_orm(config, datasets, labeler, baselines, folder, report)
    for policy in policies:
        PolicyRun(config, policy, datasets, folder, report, labeler).run()


def train_labeler(
    config: SimulationConfig, solutions: int, datasets: Datasets, folder: Path, report: Report
) -> Labeler:
    """Rates as the large PRM does, up to the first step that it finds negative."""
    rows = [(item, steps) for item in datasets.pool for steps in item.samples if steps]
    random.Random(f"{config.seed} teacher").shuffle(rows)  # noqa: S311 - repeatable
    examples = []
    for item, steps in rows[:solutions]:
        truth = up_to_first_error(WORLDS[config.world].rate(item.problem, steps))
        examples.append(Example(item.statement, list(steps[: len(truth)]), list(truth)))
    report({"phase": "training the large PRM", "labels": len(examples)})
    model = training.train_model(config, datasets.base, examples, folder / "teacher")
    scores = training.score_samples(config, model, [datasets.pool])

    def rate(item: SampledProblem, steps: Steps) -> Sequence[int]:
        return up_to_first_error(ratings_of(scores.get((item.statement, steps))))

    return rate


def ratings_of(scored: SolutionScores | None) -> list[int]:
    if scored is None:
        return []
    triples = zip(*(scored.step_probs[place::3] for place in range(3)), strict=True)
    return [
        -1 if negative > NEGATIVE_ABOVE else int(positive >= neutral)
        for negative, neutral, positive in triples
    ]


def add_orm(
    config: SimulationConfig,
    datasets: Datasets,
    labeler: Labeler,
    baselines: dict[str, Any],
    folder: Path,
    report: Report,
) -> None:
    """An ORM with the verdicts of the large PRM as a baseline: it does not learn to prefer correct answers
    with incorrect steps (Lightman et al. 2023, section 4)."""
    if all("orm_by_teacher" in values for values in baselines.values()):
        return
    report({"phase": "training the ORM on verdicts of the large PRM"})
    examples = [
        outcome_example(item, steps, -1 not in ratings)
        for item, steps in draw_solutions(config, datasets.pool)
        if (ratings := labeler(item, steps))
    ]
    accuracies = score_orm(config, datasets, examples, folder / "orm-2")
    for test, values in baselines.items():
        values["orm_by_teacher"] = accuracies[test]
    write_json(folder / "baselines.json", baselines)
