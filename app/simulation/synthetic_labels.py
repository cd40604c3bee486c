"""Synthetic supervision: a PRM that the judge taught with many solutions labels in its place, so that
policies can be compared cheaply (Lightman et al. 2023, section 4: a large PRM supervised small ones).
A step is wrong when its p(negative) is over 0.2; a solution is right when no step is wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from app.prm.examples import Example
from app.prm.predict import SolutionScores
from app.simulation import training
from app.simulation.config import Setting
from app.simulation.datasets import Material, Report, Steps
from app.world.kinds import WORLDS
from app.world.kinds.base import PosedProblem, up_to_first_error

WRONG_ABOVE = 0.2
Read = dict[training.Key, SolutionScores | None]


def read(setting: Setting, material: Material, folder: Path, report: Report) -> Read:
    """The teacher's reading of the pool; the teacher is kept in the folder."""
    every = [(one.posed, steps) for one in material.pool for steps in one.samples if steps]
    random.Random(f"{setting.seed} teacher").shuffle(every)  # noqa: S311 - repeatable
    world = WORLDS[setting.world]
    examples = []
    for posed, steps in every[: setting.teacher_solutions]:
        truth = up_to_first_error(world.rate(posed, steps))
        examples.append(Example(posed.statement, list(steps[: len(truth)]), list(truth)))
    report({"phase": "the teacher learns", "labels": len(examples)})
    taught = training.trained(setting, material.base, examples, folder / "teacher")
    return training.read(setting, taught, [material.pool])


def label(posed: PosedProblem, steps: Steps, scored: SolutionScores | None) -> Example:
    """As a labeler would hand it in: up to the first step it holds wrong."""
    told = up_to_first_error(ratings(scored))
    return Example(posed.statement, list(steps[: len(told)]), list(told))


def ratings(scored: SolutionScores | None) -> Sequence[int]:
    if scored is None:
        return []
    probs = scored.step_probs
    return [
        -1 if negative > WRONG_ABOVE else int(positive >= neutral)
        for negative, neutral, positive in zip(probs[::3], probs[1::3], probs[2::3], strict=True)
    ]
