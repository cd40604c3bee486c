"""A selection policy goes through the whole Stepmark: what the labelers rated, what the gate and the rounds
did, and that a simulation in one process starts with the same labels and measures the same way."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from app.accounts.passwords import hash_password
from app.core.db import transaction
from app.evaluation import load_set
from app.evaluation.best_of_n import best_of_n
from app.evaluation.config import parse_evaluation_config
from app.evaluation.models import Evaluation
from app.labeling.models import Assignment, StepLabel, Task
from app.problems.models import Problem, Solution
from app.selection.models import Generation
from app.simulation.config import SimulationConfig
from app.simulation.datasets import prepare_datasets
from app.simulation.policy_run import load_results
from app.simulation.pool import Pool
from app.simulation.run import simulate
from app.world.kinds import WORLDS
from app.world.kinds.base import PosedProblem, flip_ratings, up_to_first_error
from tests.factories import base as factories
from tests.flows.conftest import Running
from tests.flows.scripted_labelers import sign_in
from tests.flows.world_project import WorldProject

POLICY, PASSWORD = "lightman_80_20_gated", "correct horse battery"
CONFIG: dict[str, Any] = {
    "writer_train_steps": 40, "temperature": 1.0, "pool_problems": 16, "validation_problems": 4,
    "pool_samples": 4, "test_problems": 4, "shifted_problems": 4, "test_samples": 4, "initial_labels": 4,
    "budgets": ["4", "7"], "epochs": 0.5, "label_noise": 0.3,
}  # fmt: skip


def test_a_policy_through_the_whole_app(running: Running, tmp_path: Path) -> None:
    config = SimulationConfig.parse(CONFIG)
    folder = tmp_path / "world"
    datasets = prepare_datasets(config, folder, lambda _: None)
    with transaction() as db:
        project = factories.project(db, "World")
        for name, role in (("admin", "admin"), ("labeler-1", "labeler"), ("labeler-2", "labeler")):
            user = factories.user(db, f"{name}@example.org")
            user.password_hash = hash_password(PASSWORD)
            factories.member(db, project, role, user)
        project_id, slug = project.id, project.slug
    admin, *labelers = (
        sign_in(running.browser(), f"{name}@example.org", PASSWORD)
        for name in ("admin", "labeler-1", "labeler-2")
    )
    project_of_world = WorldProject(project_id, slug, admin, labelers, config, POLICY, datasets, tmp_path)

    results = project_of_world.follow()

    check_rounds(results)
    check_labels()
    check_evaluations(results)
    check_in_process_form(folder, tmp_path / "in-process")


def check_rounds(results: list[dict[str, Any]]) -> None:
    assert [result["budget"] for result in results] == [4, 7]
    assert results[0]["round"] is None
    assert results[1]["round"]["outputs"]["gate"]["verdict"] in ("passed", "failed")
    with transaction() as db:
        counts = select(Task.generation, func.count()).group_by(Task.generation).order_by(Task.generation)
        assert [tuple(row) for row in db.execute(counts)] == [(0, 4), (1, 3)]
        assert db.scalars(select(Generation.number).order_by(Generation.number)).all()[-1] == 1


def check_labels() -> None:
    """The noisy ratings of the world, up to the first error; every queued solution once."""
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
    submissions: dict[int, tuple[Any, list[int]]] = {}
    for row in rows:
        submissions.setdefault(row.Assignment.id, (row, []))[1].extend(row.StepLabel.ratings)
    changed = 0
    world = WORLDS["chains"]
    for row, ratings in submissions.values():
        truth = world.rate(PosedProblem(row.statement, row.reference_answer), row.steps)
        chance = random.Random(f"0 {row.statement} {row.steps}")  # noqa: S311
        assert ratings == up_to_first_error(flip_ratings(truth, CONFIG["label_noise"], chance))
        changed += ratings != up_to_first_error(truth)
        assert row.split == "train"
        assert row.Assignment.finish_reason == ("found_error" if -1 in ratings else "solution")
    assert len(submissions) == 7
    assert changed
    assert len({row.Assignment.user_id for row, _ in submissions.values()}) == 2


def check_evaluations(results: list[dict[str, Any]]) -> None:
    """The curve of an evaluation is best-of-N of the rows that it was made of."""
    sizes = np.array([1, 2, 4])
    for result in results:
        with transaction() as db:
            evaluation = db.get_one(Evaluation, result["evaluation"]["id"])
            config = parse_evaluation_config(evaluation.config)
            pool = load_set.load_evaluation_data(db, evaluation, config).pool
        assert len(pool.problems) == CONFIG["test_problems"]
        curve = (evaluation.results or {})["best_of_n"]["curves"]["best_of"]["mean"]
        values = best_of_n(
            [problem.scores[pool.main] for problem in pool.problems],
            [problem.right for problem in pool.problems],
            sizes,
        )
        assert values.mean(axis=0) == pytest.approx([curve[n - 1] for n in sizes], abs=1e-3)


def check_in_process_form(folder: Path, copy: Path) -> None:
    """In one process, in the same world: the same initial solutions, and the same budgets and measures."""
    shutil.copytree(folder, copy)
    config = SimulationConfig.parse(CONFIG)
    summary = simulate([config], [POLICY], copy, lambda _: None)
    assert (summary["budgets"], summary["n"]) == ([4, 7], [1, 2, 4])
    with transaction() as db:
        steps = db.scalars(
            select(Solution.steps).join(Task, Task.solution_id == Solution.id).where(Task.generation == 0)
        ).all()
    pool = Pool(config, prepare_datasets(config, copy, lambda _: None).pool)
    queued = load_results(copy, POLICY)[0]["queued"]
    assert sorted(pool.texts[solution] for solution in queued) == sorted(map(tuple, steps))
