"""The full form, as a person runs it: a command that starts web and worker, is interrupted, goes on, and
leaves rows, files and nothing running."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from app.core.db import transaction
from app.core.errors import Invalid
from app.evaluation.models import Evaluation
from app.labeling.models import Assignment, StepLabel, Task
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.simulation import request
from app.simulation.end_to_end import run
from app.simulation.models import Simulation, SimulationPoint
from app.world.kinds import WORLDS
from app.world.kinds.base import PosedProblem, flip_ratings, up_to_first_error
from tests.polling import gone, until
from tests.simulation.conftest import TINY


def heed_interrupts() -> None:
    """Where the tests run in a shell's background, what they start would ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`stepmark simulate --full`, in a group of its own."""

    def __init__(self, out: Path, *words: str) -> None:
        config = out.with_name("config.json")
        config.write_text(json.dumps(TINY))
        self.log = out.with_name("log.txt")
        line = ["simulate", "--full", "--out", str(out), "--config", str(config), "--labelers", "2", *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *line],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=heed_interrupts,
            )

    def children(self) -> list[int]:
        return [each.pid for each in psutil.Process(self.process.pid).children(recursive=True)]

    def said(self) -> str:
        return self.log.read_text()


@pytest.fixture
def out(database: str, home: Path, tmp_path: Path, material: Path) -> Path:
    """Where the writer and its samples are already."""
    return Path(shutil.copytree(material, tmp_path / "simulation"))


def count(what: Any) -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(what)) or 0


def test_a_whole_simulation_interrupted_and_gone_on(out: Path) -> None:
    first = Command(out, "--policy", "lightman_80_20_gated")
    try:
        until(lambda: count(Assignment) or first.process.poll(), "labelers at work", more=first.said)
        assert first.process.poll() is None, first.said()
        theirs = first.children()
        assert len(theirs) >= 2, f"web and worker: {first.said()}"
        first.process.send_signal(signal.SIGINT)
        first.process.wait(60)
        until(lambda: all(gone(pid) for pid in theirs), "everything it started to end")
    finally:
        if first.process.poll() is None:
            os.killpg(first.process.pid, signal.SIGKILL)
    assert row().state == "cancelled", (row().error, first.said())

    again = Command(out, "--policy", "lightman_80_20_gated")
    code = again.process.wait(400)
    assert code == 0, again.said()
    assert again.said().count("importing first.jsonl") == 2, again.said()
    the_rows()
    the_labels()
    assert json.loads((out / "result.json").read_text())["budgets"] == [4, 7]
    assert (out / "labels.svg").read_text().startswith("<svg")


def row() -> Simulation:
    with transaction() as db:
        return db.scalars(select(Simulation)).one()


def the_rows() -> None:
    found = row()
    assert (found.state, found.form, found.attempt, found.error) == ("succeeded", "full", 2, None)
    with transaction() as db:
        assert db.get_one(Project, found.project_id).name == "Simulations"
        points = db.scalars(select(SimulationPoint).order_by(SimulationPoint.budget)).all()
        judged = db.scalars(select(Evaluation).order_by(Evaluation.model_id)).all()
    assert [(each.policy, each.budget, each.labeled) for each in points] == [
        ("lightman_80_20_gated", 4, 4),
        ("lightman_80_20_gated", 7, 7),
    ]
    assert points[0].gate is None
    assert points[1].gate
    assert points[1].gate["verdict"] in ("passed", "failed")
    on_test = [each for each in judged if each.evaluation_set_id == max(e.evaluation_set_id for e in judged)]
    assert len(on_test) == 2
    for point, evaluation in zip(points, on_test, strict=True):
        curve = (evaluation.results or {})["best_of_n"]["curves"]["best_of"]["mean"]
        assert point.best_of == pytest.approx([curve[n - 1] for n in point.n], abs=1e-3)


def the_labels() -> None:
    """What a judge with noise says, up to the first error; every queued solution once."""
    query = (
        select(
            Problem.statement, Problem.split, Problem.reference_answer, Solution.steps, Assignment, StepLabel
        )
        .join(Solution, Solution.problem_id == Problem.id)
        .join(Task, Task.solution_id == Solution.id)
        .join(Assignment, Assignment.task_id == Task.id)
        .join(StepLabel, StepLabel.assignment_id == Assignment.id)
        .where(Assignment.state == "submitted")
    )
    with transaction() as db:
        rows = db.execute(query.order_by(Assignment.id, StepLabel.position)).all()
    told: dict[int, tuple[Any, list[int]]] = {}
    for found in rows:
        told.setdefault(found.Assignment.id, (found, []))[1].extend(found.StepLabel.ratings)
    changed = 0
    world = WORLDS["chains"]
    for found, ratings in told.values():
        truth = world.rate(PosedProblem(found.statement, found.reference_answer), found.steps)
        chance = random.Random(f"0 {found.statement} {found.steps}")  # noqa: S311
        assert ratings == up_to_first_error(flip_ratings(truth, TINY["noise"], chance))
        changed += ratings != up_to_first_error(truth)
        assert found.split == "train"
        assert found.Assignment.finish_reason == ("found_error" if -1 in ratings else "solution")
    assert len(told) == 7
    assert changed
    assert len({found.Assignment.user_id for found, _ in told.values()}) == 2


@pytest.mark.parametrize(
    ("given", "policies", "said"),
    [
        ({}, ["hard_problems"], "No round can follow"),
        ({"first": 5, "budgets": ["10"]}, ["random"], "first budget is the first draw"),
        ({"teacher_solutions": 5}, ["random"], "Labels by a teacher"),
        ({"further": ["5000"]}, ["random"], "the same budgets"),
    ],
)
def test_what_rounds_cannot_do_is_refused(given: dict[str, Any], policies: list[str], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        run.check(request.parse({"setting": given, "policies": policies}))
