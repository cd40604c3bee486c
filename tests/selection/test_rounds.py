"""The round's driver on a database of its own: stages, failure, resume, cancel, the sweep.

Training and scoring are started for real and then played by the test, which writes what a
worker would: what is tested is that the round goes on, stops and goes on again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.errors import Conflict, Invalid
from app.core.run_recovery import recover_stale_runs
from app.labeling.models import Task
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.runs import actions
from app.scoring.models import ScoringRun
from app.selection import funnel, preview, round_driver, rounds, stages
from app.selection.config import Policy, RoundConfig, parse
from app.selection.gate import GateConfig
from app.selection.models import Generation, Round
from app.selection.round_children import load_outputs
from app.training.models import Model, Snapshot, TrainingRun
from tests.factories import base as factories
from tests.factories import selection as loop

SMALL = RoundConfig(policy=Policy(size=4, per_problem=2), gate=GateConfig(if_inconclusive="proceed"))


@pytest.fixture
def project(database) -> Project:
    """Six problems of four solutions, one problem of the test split; two solutions labeled."""
    with transaction() as db:
        project = factories.project(db)
        who = factories.member(db, project)
        for number in range(6):
            split = "test" if number == 5 else "train"
            problem = factories.problem(db, project, f"{number}?", split=split)
            for place in range(4):
                verdict = "correct" if place == 0 else "incorrect"
                solution = factories.solution(db, problem, (f"{place}.", "5"), verdict=verdict)
                if number < 2 and place == 3:
                    loop.labeled(db, factories.task(db, solution), who, [1, -1])
    return project


def started(project: Project, config: RoundConfig = SMALL) -> int:
    with transaction() as db:
        return rounds.start(db, project, config, None).id


def now(round_id: int) -> Round:
    with transaction() as db:
        return db.get_one(Round, round_id)


def outputs(db: Session, round_id: int) -> dict[str, Any]:
    return load_outputs(db, db.get_one(Round, round_id)).model_dump(exclude_none=True)


def outputs_now(round_id: int) -> dict[str, Any]:
    with transaction() as db:
        return outputs(db, round_id)


def finish_training(round_id: int, **values: object) -> None:
    """What the trainer writes when it publishes, or whatever `values` say."""
    with transaction() as db:
        run = db.get_one(TrainingRun, outputs(db, round_id)["training_run_id"])
        run.state = "succeeded"
        for name, value in values.items():
            setattr(run, name, value)
        if run.state == "succeeded":
            project = db.get_one(Project, run.project_id)
            loop.model(db, project, f"prm-{run.id}", training_run_id=run.id, snapshot_id=run.snapshot_id)


def finish_scoring(round_id: int) -> None:
    with transaction() as db:
        stored = outputs(db, round_id)
        run = db.get_one(ScoringRun, stored["scoring_run_id"])
        model = db.get_one(Model, stored["model_id"])
        for solution in db.scalars(select(Solution).join(Problem).where(Problem.split != "test")):
            loop.score(db, model, solution, 0.5 + solution.id % 50 / 100)
        run.state, run.done = "succeeded", run.total


def waiting_jobs(name: str) -> int:
    with transaction() as db:
        statement = text(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = :name AND status = 'todo'"
        )
        return db.execute(statement, {"name": name}).scalar_one()


def test_a_round_from_labels_to_the_next_queue(project):
    round_id = started(project)
    assert waiting_jobs("runs.round") == 1

    assert round_driver.advance(round_id) is True
    assert now(round_id).stage == "train"
    assert round_driver.advance(round_id) is True, "looking again starts nothing twice"
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(TrainingRun)) == 1
        assert db.scalar(select(func.count()).select_from(Snapshot)) == 1

    finish_training(round_id)
    assert round_driver.advance(round_id) is True
    assert now(round_id).stage == "score"
    finish_scoring(round_id)
    assert round_driver.advance(round_id) is False

    done = now(round_id)
    assert (done.state, done.stage, done.queued) == ("succeeded", "queue", 4)
    assert done.picks is None
    with transaction() as db:
        generation = db.scalars(select(Generation)).one()
        tasks = db.scalars(select(Task).where(Task.generation == 1).order_by(Task.priority.desc())).all()
        assert generation.number == 1
        assert generation.model_id == done.model_id
        assert generation.snapshot_id == done.snapshot_id
        assert generation.funnel["selected"] == len(tasks) == 4
        assert generation.funnel["sampled"] == 20
        assert sum(generation.funnel["by_strategy"].values()) == 4
        assert {task.solution.problem.split for task in tasks} == {"train"}
        for task in tasks:
            assert set(task.reason) == {"strategy", "score", "rank", "model_id", "gate"}
            assert "Gate inconclusive." in task.reason["gate"]
            assert task.reason["model_id"] == generation.model_id
        older = db.scalars(select(Task.priority).where(Task.generation == 0)).all()
        assert min(task.priority for task in tasks) > max(older)
    assert round_driver.advance(round_id) is False, "a finished round stays finished"


def test_the_preview_is_what_gets_queued_with_the_same_model(project):
    with transaction() as db:
        model = loop.model(db, project)
        for solution in db.scalars(select(Solution).join(Problem).where(Problem.split != "test")):
            loop.score(db, model, solution, 0.3 + solution.id % 60 / 100)
        config = RoundConfig(policy=SMALL.policy, model_id=model.id)
        seen = preview.preview_round(db, project, config).model_dump()
    round_id = started(project, config)
    round_driver.advance(round_id)
    finish_scoring_as_is(round_id)
    assert round_driver.advance(round_id) is False

    with transaction() as db:
        tasks = db.scalars(select(Task).where(Task.generation == 1).order_by(Task.priority.desc())).all()
        assert [task.solution_id for task in tasks] == [pick["solution_id"] for pick in seen["first"]]
        assert [task.reason["rank"] for task in tasks] == [pick["rank"] for pick in seen["first"]]
        assert seen["would_queue"] == len(tasks)
        assert seen["generation"] == 1
        assert db.scalar(select(TrainingRun)) is None


def finish_scoring_as_is(round_id: int) -> None:
    with transaction() as db:
        db.get_one(ScoringRun, outputs(db, round_id)["scoring_run_id"]).state = "succeeded"


def test_a_second_round_waits_for_the_first(project):
    first = started(project)

    with pytest.raises(Conflict, match="already running") as refused:
        started(project)

    assert refused.value.extra["round_id"] == first


def test_a_round_without_labels_is_refused(database):
    with transaction() as db:
        project = factories.project(db)
        factories.solution(db, factories.problem(db, project))

    with pytest.raises(Invalid, match="no labels"):
        started(project)


def test_a_failed_training_shows_why_and_is_resumed(project):
    round_id = started(project)
    round_driver.advance(round_id)
    snapshot_id = now(round_id).snapshot_id
    first_run = outputs_now(round_id)["training_run_id"]
    finish_training(round_id, state="failed", error="out of memory")

    assert round_driver.advance(round_id) is False
    failed = now(round_id)
    assert (failed.state, failed.stage) == ("failed", "train")
    assert "out of memory" in failed.error

    with transaction() as db:
        actions.resume_run(db, db.get_one(Round, round_id), None)
    assert round_driver.advance(round_id) is True
    again = now(round_id)
    assert again.snapshot_id == snapshot_id
    assert outputs_now(round_id)["training_run_id"] == first_run, "it goes on from its checkpoint"
    assert again.error is None
    with transaction() as db:
        assert db.get_one(TrainingRun, first_run).state == "queued"


def test_an_error_nobody_foresaw_is_shown_too(project, monkeypatch):
    def breaks(*_):
        raise RuntimeError("the disk is on fire")

    round_id = started(project)
    monkeypatch.setitem(stages.STAGES, "snapshot", breaks)

    assert round_driver.advance(round_id) is False
    assert now(round_id).error == "RuntimeError: the disk is on fire"


def test_nothing_left_to_queue_says_so(project):
    round_id = started(project)
    round_driver.advance(round_id)
    finish_training(round_id)
    round_driver.advance(round_id)
    with transaction() as db:
        db.get_one(ScoringRun, outputs(db, round_id)["scoring_run_id"]).state = "succeeded"

    assert round_driver.advance(round_id) is False
    assert now(round_id).stage == "select"
    assert "No eligible solutions" in now(round_id).error


def test_cancel_ends_the_round_and_its_training(project):
    round_id = started(project)
    round_driver.advance(round_id)

    with transaction() as db:
        actions.cancel_run(db, db.get_one(Round, round_id), None)

    with transaction() as db:
        run = db.scalars(select(TrainingRun)).one()
        assert run.state == "cancelled", "no worker took it up, so nothing has to end"
    assert now(round_id).state == "cancelled"
    assert round_driver.advance(round_id) is False
    with transaction() as db, pytest.raises(Conflict, match="nothing to cancel"):
        actions.cancel_run(db, db.get_one(Round, round_id), None)


def test_a_cancelled_round_makes_room_for_another_and_cannot_overtake_it(project):
    first = started(project)
    with transaction() as db:
        actions.cancel_run(db, db.get_one(Round, first), None)
    started(project)

    with transaction() as db, pytest.raises(Conflict, match="already running"):
        actions.resume_run(db, db.get_one(Round, first), None)
    assert now(first).state == "cancelled"


def test_the_sweep_picks_up_a_round_whose_driver_was_killed(project):
    round_id = started(project)
    with transaction() as db:  # the worker took the job and died with it
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'runs.round'"))
    assert waiting_jobs("runs.round") == 0

    for _ in range(2):
        with transaction() as db:
            recover_stale_runs(db)

    assert waiting_jobs("runs.round") == 1, "one driver waits, however often it is swept"
    assert round_driver.advance(round_id) is True


def test_two_drivers_at_once_make_one_of_everything(project):
    from concurrent.futures import ThreadPoolExecutor

    round_id = started(project)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: round_driver.advance(round_id), range(8)))

    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Snapshot)) == 1
        assert db.scalar(select(func.count()).select_from(TrainingRun)) == 1


def test_the_next_number_counts_queues_without_a_generation(project):
    with transaction() as db:
        solution = db.scalars(select(Solution).join(Problem).where(Problem.split != "test")).first()
        assert funnel.next_generation_number(db, project.id) == 1
        factories.task(db, solution, generation=6)
        assert funnel.next_generation_number(db, project.id) == 7


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"polcy": {}},
        {"policy": {"sizes": 3}},
        {"policy": {"size": "3"}},
        {"policy": {"size": True}},
        {"policy": {"shares": {"convincing": 1}}},
        {"policy": {"shares": {"uniform": "1"}}},
        {"policy": {"shares": {"uniform": 0}}},
        {"policy": {"shares": {"uniform": -1}}},
        {"policy": {"splits": ["test"]}},
        {"policy": {"splits": "train"}},
        {"policy": {"splits": []}},
        {"train": 3},
        {"model_id": "newest"},
    ],
)
def test_configs_that_are_refused(wrong):
    with pytest.raises(Invalid):
        parse(wrong)


def test_a_config_survives_being_stored():
    config = RoundConfig(policy=Policy(size=9, splits=("train", "validation")), train={"epochs": 2})

    assert parse(config.as_json()) == config
