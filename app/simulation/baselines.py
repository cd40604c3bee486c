"""What a test set gives without step labels: a blind draw, the majority vote, the most there is, a
judge who never errs, and an ORM taught by the graded answers of the pool."""

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
from app.prm.predict import SolutionScores
from app.simulation import synthetic_labels, training
from app.simulation.config import Setting
from app.simulation.datasets import Material, Report, Sampled, Steps
from app.simulation.policy_run import N, curves, majority
from app.world.kinds import WORLDS
from app.world.kinds.base import final_answer

ORM_SOLUTIONS = 1_600
"""Of the pool, drawn at random: answers cost nothing, time does."""


def made(setting: Setting, material: Material, folder: Path, report: Report) -> dict[str, Any]:
    path = folder / "references.json"
    if path.is_file():
        found: dict[str, Any] = orjson.loads(path.read_bytes())
        return found
    report({"phase": "the ORM learns from graded answers"})
    orm = training.trained(setting, material.base, graded(setting, material.pool), folder / "orm", "orm")
    scores = training.read(setting, orm, list(material.tests.values()))
    by_teacher: dict[training.Key, SolutionScores | None] = {}
    if setting.teacher_solutions:
        report({"phase": "the ORM learns from the teacher"})
        told = synthetic_labels.read(setting, material, folder, report)
        taught = training.trained(
            setting, material.base, judged(setting, material.pool, told), folder / "orm-2", "orm"
        )
        by_teacher = training.read(setting, taught, list(material.tests.values()))
    found = {
        name: {**without_labels(setting, test), "orm": curves(setting, test, scores)["best_of"]}
        for name, test in material.tests.items()
    }
    for name, test in material.tests.items() if by_teacher else ():
        found[name]["orm_by_teacher"] = curves(setting, test, by_teacher)["best_of"]
    write_json(path, found)
    return found


def graded(setting: Setting, pool: Sequence[Sampled]) -> list[Example]:
    """Whole solutions with the grader's verdict, which a wrong reference makes false."""
    return [
        Example(one.posed.statement, list(steps), _at_the_end(steps, one.verdict(steps) == "correct"))
        for one, steps in drawn(setting, pool)
    ]


def judged(setting: Setting, pool: Sequence[Sampled], told: synthetic_labels.Read) -> list[Example]:
    """The same solutions with the teacher's verdict: right if it finds no step wrong (Lightman et al.
    2023, section 4: an ORM so taught does not learn to like wrong ways to right answers)."""
    return [
        Example(
            one.posed.statement,
            list(steps),
            _at_the_end(steps, -1 not in synthetic_labels.ratings(told[one.posed.statement, steps])),
        )
        for one, steps in drawn(setting, pool)
        if told.get((one.posed.statement, steps)) is not None
    ]


def _at_the_end(steps: Steps, right: bool) -> list[int | None]:
    return [*[None] * (len(steps) - 1), 1 if right else -1]


def drawn(setting: Setting, pool: Sequence[Sampled]) -> list[tuple[Sampled, Steps]]:
    every = [(one, steps) for one in pool for steps in one.samples if one.verdict(steps) != "unparseable"]
    random.Random(f"{setting.seed} orm").shuffle(every)  # noqa: S311 - repeatable
    return every[:ORM_SOLUTIONS]


def without_labels(setting: Setting, test: Sequence[Sampled]) -> dict[str, Any]:
    """[problems][N] each: majority, oracle (pass@N), judge (best-of-N by a perfect PRM)."""
    n = N[: int(np.searchsorted(N, max(len(one.samples) for one in test), side="right"))]
    world = WORLDS[setting.world]
    right = [np.array([final_answer(steps) == one.posed.answer for steps in one.samples]) for one in test]
    perfect, voted = [], []
    for place, one in enumerate(test):
        known = {steps: -1 not in world.rate(one.posed, steps) for steps in set(one.samples)}
        perfect.append(np.array([float(known[steps]) for steps in one.samples]))
        voted.append(majority(one, n, setting.seed + place))
    return {
        "majority": np.array(voted).round(5).tolist(),
        "oracle": pass_at_n(right, n).round(5).tolist(),
        "judge": best_of_n(perfect, right, n).round(5).tolist(),
    }
