"""The data of a simulation, created once and stored in its folder: the writer, which is also the base of
every model; a pool of its solutions to select from; test sets of its solutions."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.common.atomic_files import write_json
from app.prm.device import set_threads
from app.simulation.config import SimulationConfig
from app.world.kinds import WORLDS
from app.world.kinds.base import PosedProblem, final_answer
from app.world.writer.model import Writer, WriterShape
from app.world.writer.sample import sample_solutions
from app.world.writer.train import TrainingSchedule, train_writer

Report = Callable[[dict[str, Any]], None]
Steps = tuple[str, ...]


@dataclass(frozen=True)
class SampledProblem:
    problem: PosedProblem
    reference: str
    """The reference answer that verdicts are based on; it may be wrong."""
    samples: list[Steps]

    @property
    def statement(self) -> str:
        return self.problem.statement

    def verdict(self, steps: Steps) -> str:
        answer = final_answer(steps)
        return "unparseable" if answer is None else "correct" if answer == self.reference else "incorrect"

    def is_correct(self, steps: Steps) -> bool:
        """By the true answer."""
        return final_answer(steps) == self.problem.answer


@dataclass(frozen=True)
class Datasets:
    base: Path
    """Folder of the writer."""
    pool: list[SampledProblem]
    tests: dict[str, list[SampledProblem]]
    """`plain`, and `shifted`: longer problems than those of the corpus and the pool."""


def prepare_datasets(config: SimulationConfig, folder: Path, report: Report) -> Datasets:
    """Loads what the folder has and creates the rest."""
    set_threads(config.threads)
    base = prepare_writer(config, folder / "base", config.writer_train_steps, report)
    older = base
    if config.pool_writer_train_steps:
        older = prepare_writer(config, folder / "older", config.pool_writer_train_steps, report)
    pool = _sample(config, folder, older, "pool", config.pool_problems, config.pool_samples, report)
    tests = {
        name: _sample(config, folder, base, name, problems, config.test_samples, report)
        for name, problems in (("plain", config.test_problems), ("shifted", config.shifted_problems))
    }
    return Datasets(base, _with_wrong_references(config, pool), tests)


def prepare_writer(config: SimulationConfig, target: Path, steps: int, report: Report) -> Path:
    """The folder of a writer after so many training steps."""
    if not target.is_dir():
        shape = WriterShape(layers=config.layers)
        schedule = TrainingSchedule(steps=steps, checked=config.marked_error_share, shape=shape)
        train_writer(WORLDS[config.world], schedule, config.seed, report).save(target)
    return target


def _sample(
    config: SimulationConfig, folder: Path, base: Path, name: str, count: int, samples: int, report: Report
) -> list[SampledProblem]:
    path = folder / f"{name}.json"
    if not path.is_file():
        report({"phase": f"sampling: {name}", "solutions": count * samples})
        problems = draw_problems(config, name, count)
        seed = random.Random(f"{config.seed} {name}").randrange(2**31)  # noqa: S311
        solutions = sample_solutions(
            Writer.load(base),
            [problem.statement for problem in problems],
            samples,
            seed,
            temperature=config.temperature,
        )
        rows = zip(problems, solutions, strict=True)
        write_json(path, [[problem.statement, problem.answer, steps] for problem, steps in rows])
    return [
        SampledProblem(PosedProblem(statement, answer), answer, [tuple(steps) for steps in solutions])
        for statement, answer, solutions in orjson.loads(path.read_bytes())
    ]


def draw_problems(config: SimulationConfig, name: str, count: int) -> list[PosedProblem]:
    """Different problems. Test sets share none with the pool."""
    world, problems, statements = WORLDS[config.world], list[PosedProblem](), set[str]()
    if name != "pool":
        statements |= {item.statement for item in draw_problems(config, "pool", config.pool_problems)}
    chance = random.Random(f"{config.seed} {name}")  # noqa: S311 - repeatable
    while len(problems) < count:
        problem = world.draw(chance, shifted=name == "shifted")
        if problem.statement not in statements:
            statements.add(problem.statement)
            problems.append(problem)
    return problems


def _with_wrong_references(config: SimulationConfig, pool: list[SampledProblem]) -> list[SampledProblem]:
    """A share of the pool gets the answer of another problem as its reference."""
    chance = random.Random(f"{config.seed} references")  # noqa: S311
    answers = [item.problem.answer for item in pool]
    return [
        SampledProblem(
            item.problem,
            chance.choice([answer for answer in answers if answer != item.reference]),
            item.samples,
        )
        if chance.random() < config.wrong_references
        else item
        for item in pool
    ]
