"""What a simulation is played with, made once and kept in its folder: the writer, which is also the
base of every model; a pool of its solutions to choose from; test sets of its solutions to judge on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.common.atomic_files import write_json
from app.prm.device import set_threads
from app.simulation.config import Setting
from app.world.kinds import WORLDS
from app.world.kinds.base import PosedProblem, final_answer
from app.world.writer.model import Writer, WriterShape
from app.world.writer.sample import sample_solutions
from app.world.writer.train import TrainingSchedule, train_writer

Report = Callable[[dict[str, Any]], None]
Steps = tuple[str, ...]


@dataclass(frozen=True)
class Sampled:
    """A problem with its samples; `reference` is what the grader holds them against."""

    posed: PosedProblem
    reference: str
    samples: list[Steps]

    def verdict(self, steps: Steps) -> str:
        said = final_answer(steps)
        return "unparseable" if said is None else "correct" if said == self.reference else "incorrect"


@dataclass(frozen=True)
class Material:
    base: Path
    pool: list[Sampled]
    tests: dict[str, list[Sampled]]
    """"plain", and "shifted": longer problems than the corpus and the pool have."""


def prepare(setting: Setting, folder: Path, report: Report) -> Material:
    """From the folder what is there, made and kept what is not."""
    set_threads(setting.threads)
    base = the_writer(setting, folder / "base", report)
    older = base
    if setting.pool_reading_steps and not (older := folder / "older").is_dir():
        course = _course(setting, setting.pool_reading_steps)
        train_writer(WORLDS[setting.world], course, setting.seed, report).save(older)
    pool = _sampled(setting, folder, older, "pool", setting.pool_problems, setting.pool_samples, report)
    tests = {
        name: _sampled(setting, folder, base, name, problems, setting.test_samples, report)
        for name, problems in (("plain", setting.test_problems), ("shifted", setting.shifted_problems))
    }
    return Material(base, _misjudged(setting, pool), tests)


def the_writer(setting: Setting, base: Path, report: Report) -> Path:
    """In the folder `base`; from there if it is there already."""
    if not base.is_dir():
        course = _course(setting, setting.reading_steps)
        train_writer(WORLDS[setting.world], course, setting.seed, report).save(base)
    return base


def _course(setting: Setting, steps: int) -> TrainingSchedule:
    return TrainingSchedule(steps=steps, checked=setting.checked, shape=WriterShape(layers=setting.layers))


def _sampled(
    setting: Setting, folder: Path, base: Path, name: str, problems: int, each: int, report: Report
) -> list[Sampled]:
    path = folder / f"{name}.json"
    if not path.is_file():
        report({"phase": f"sampling: {name}", "solutions": problems * each})
        posed = drawn(setting, name, problems)
        samples = sample_solutions(
            Writer.load(base),
            [one.statement for one in posed],
            each,
            _number(setting.seed, name),
            temperature=setting.temperature,
        )
        write_json(
            path,
            [[one.statement, one.answer, said] for one, said in zip(posed, samples, strict=True)],
        )
    return [
        Sampled(PosedProblem(statement, answer), answer, [tuple(steps) for steps in samples])
        for statement, answer, samples in orjson.loads(path.read_bytes())
    ]


def drawn(setting: Setting, name: str, count: int) -> list[PosedProblem]:
    """Different problems, none of the pool among those of the tests."""
    world = WORLDS[setting.world]
    seen: set[str] = (
        set() if name == "pool" else {one.statement for one in drawn(setting, "pool", setting.pool_problems)}
    )
    chance = random.Random(f"{setting.seed} {name}")  # noqa: S311 - repeatable
    found: list[PosedProblem] = []
    while len(found) < count:
        posed = world.draw(chance, shifted=name == "shifted")
        if posed.statement not in seen:
            seen.add(posed.statement)
            found.append(posed)
    return found


def _misjudged(setting: Setting, pool: list[Sampled]) -> list[Sampled]:
    """A share of the pool gets another problem's answer as its reference."""
    chance = random.Random(f"{setting.seed} references")  # noqa: S311
    answers = [one.posed.answer for one in pool]
    return [
        Sampled(one.posed, chance.choice([each for each in answers if each != one.reference]), one.samples)
        if chance.random() < setting.wrong_references
        else one
        for one in pool
    ]


def _number(seed: int, name: str) -> int:
    return random.Random(f"{seed} {name}").randrange(2**31)  # noqa: S311
