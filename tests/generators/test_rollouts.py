"""Rollouts from behind steps: exactly so many, graded, labels of their own kind, which no labeler sees."""

from __future__ import annotations

import math
import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import subprocess_jobs
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.run_lifecycle import start_attempt
from app.generators import rollout_plan, rollouts, runs
from app.generators.models import Generator, Rollout, SamplingRun
from app.prm.config import TrainConfig
from app.prm.encoding import Encoder, train_tokenizer
from app.prm.objectives import get_objective
from app.problems.models import Solution
from app.training import runs as training
from app.training import snapshots
from app.training.models import SnapshotItem
from app.training.process import load_examples
from app.training.rollout_labels import hard_targets
from tests.factories import base as factories
from tests.generators.conftest import done, generator, row, started, sums
from tests.route_table import least, routes


@pytest.mark.parametrize("steps", [2, 3, 4, 5, 8, 13, 64])
def test_halving_finds_every_first_error_with_few_rollouts(steps: int) -> None:
    for wrong in range(steps):
        known: dict[int, tuple[int, int]] = {}
        cost = 0
        while asked := rollouts.positions_needed(known, steps, 4, "binary_search"):
            ((position, missing),) = asked
            known[position] = (4, 1 if position < wrong else 0)
            cost += missing
        assert cost <= 4 * math.ceil(math.log2(steps))
        shares = {position: reached / done for position, (done, reached) in known.items()}
        found = hard_targets({**shares, steps - 1: 0.0}, steps)
        assert found[: wrong + 1] == [1] * wrong + [-1]


def test_what_is_missing_is_asked_for_and_no_more() -> None:
    assert rollouts.positions_needed({0: (8, 3), 1: (5, 0)}, 4, 8, "all") == [(1, 3), (2, 8)]
    assert rollouts.positions_needed({2: (3, 0)}, 6, 8, "binary_search") == [(2, 5)]
    assert rollouts.positions_needed({0: (8, 3)}, 2, 8, "all") == []


def test_a_step_without_rollouts_is_right_where_a_later_one_is() -> None:
    assert hard_targets({1: 0.5, 3: 0.0}, 6) == [1, 1, None, -1, None, None]
    assert hard_targets({0: 0.0, 1: 0.25, 2: 1.0}, 3) == [-1, 1, 1]
    assert hard_targets({}, 2) == [None, None]


@pytest.fixture
def made(database, home, api):
    """Two problems with a right and a wrong solution each; the second step is where it goes wrong."""
    with transaction() as db:
        project = factories.project(db)
        for number, problem in enumerate(sums(db, project, 2), start=1):
            for off in (0, 1):
                said = 2 * number + 1 + off
                steps = (
                    f"We add {number} and {number + 1}.",
                    f"{number} + {number + 1} = {said}",
                    f"\\boxed{{{said}}}",
                )
                verdict = "incorrect" if off else "correct"
                factories.solution(
                    db, problem, steps, verdict=verdict, final_answer=str(said), generator="old"
                )

    def make(model: str = "steady", **config) -> int:
        with transaction() as db:
            return generator(db, project, api, model, **config).id

    make.project = project
    return make


def values(verdict: str) -> list[dict[int, tuple[int, int]]]:
    """Of each solution of that verdict: position -> rollouts, and how many reached the right answer."""
    with transaction() as db:
        ids = db.scalars(select(Solution.id).where(Solution.verdict == verdict).order_by(Solution.id)).all()
        generator_id = db.scalars(select(Rollout.generator_id).limit(1)).one()
        return [rollouts.load_counts(db, generator_id, number) for number in ids]


def test_every_step_gets_its_rollouts_and_a_wrong_one_leads_nowhere(made, api):
    number = made()
    with transaction() as db:
        asked = db.get_one(Generator, number)
        told = rollout_plan.preview_plan(db, asked, rollout_plan.parse_plan({"rollouts": 10}))
    assert told.model_dump() == {"solutions": 4, "problems": 2, "incomplete": 4, "missing": 80}
    run = done(number, "rollouts", rollouts=10)
    assert (run.state, run.total, run.counters["stored"]) == ("succeeded", 80, 80), run.error
    assert sum(each["n"] for each in api.seen()) == 80
    for each in values("correct"):
        assert each[1] == (10, 10)
        assert each[0][0] == 10
    for each in values("incorrect"):
        assert each[1] == (10, 0)
    reached = [each[0][1] for each in values("correct") + values("incorrect")]
    assert 10 < sum(reached) < 40  # from behind the first step it is three of four
    assert run.counters["correct"] == sum(reached) + 20
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Solution)) == 4
        with pytest.raises(Invalid, match="No rollouts are missing"):
            runs.start(db, db.get_one(Generator, number), "rollouts", {"rollouts": 10}, None)
    more = done(number, "rollouts", rollouts=11)
    assert more.counters["stored"] == 8


def test_the_search_asks_only_wrong_solutions_and_where_it_halves(made):
    run = done(made(), "rollouts", rollouts=6, strategy="binary_search")
    assert run.state == "succeeded"
    assert run.config["verdict"] == "incorrect"
    for each in values("incorrect"):
        assert each[1] == (6, 0)
        assert each.get(0, (6, 6))[0] == 6
    with transaction() as db:
        assert set(
            db.scalars(select(Solution.verdict).join(Rollout, Rollout.solution_id == Solution.id))
        ) == {"incorrect"}
    assert run.counters["stored"] <= 2 * 12


def test_two_processes_add_no_rollout_too_many(made):
    run_id = started(made("slow", samples_per_request=2), "rollouts", rollouts=9)
    with transaction() as db:
        attempt = start_attempt(db, run_id, SamplingRun)
        assert attempt
    both = [subprocess_jobs.start_process(runs.KIND, attempt) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    with transaction() as db:
        assert set(db.scalars(select(Rollout.rollout_count))) == {9}
    assert row(run_id).counters["stored"] == 72


def test_a_chat_server_that_cannot_go_on_is_not_asked(made):
    with pytest.raises(Invalid, match="does not support continuations"):
        started(made(endpoint="chat"), "rollouts")
    run = done(
        made(endpoint="chat", called="prefilled", prefill=True), "rollouts", rollouts=2, max_solutions=1
    )
    assert run.counters["stored"] == 4


@pytest.mark.parametrize(
    "wrong",
    [{"rollouts": 0}, {"splits": ["test"]}, {"strategy": "x"}, {"verdict": "x"}, {"seed": -1},
     {"max_solutions": True},
     {"x": 1}, {"subject": 3}],
)  # fmt: skip
def test_a_plan_that_is_wrong_is_told(wrong: dict) -> None:
    with pytest.raises(Invalid):
        rollout_plan.parse_plan(wrong)


@pytest.fixture
def rolled(db: Session, api):
    """A project whose one wrong solution of three steps has rollouts, its last step none."""
    project = factories.project(db)
    asked = generator(db, project, api, called="SECRET GENERATOR")
    problem = factories.problem(db, project)
    solution = factories.solution(db, problem, ("a", "b", "c"), verdict="incorrect")
    for position, reached in ((0, 3), (1, 0)):
        key = {"generator_id": asked.id, "solution_id": solution.id, "position": position}
        db.add(Rollout(**key, rollout_count=4, correct_count=reached, unparseable=0))
    hidden = factories.solution(db, factories.problem(db, project, "In test?", split="test"), ("a", "b"))
    db.add(
        Rollout(generator_id=asked.id, solution_id=hidden.id, position=0, rollout_count=4, correct_count=4)
    )
    db.flush()
    return project, asked, solution


def test_a_snapshot_of_rollouts_is_soft_or_hard_and_says_so(db: Session, rolled) -> None:
    project, asked, _ = rolled
    named = {"source": "rollouts", "generator_id": asked.id}
    of = lambda made: db.scalars(select(SnapshotItem).where(SnapshotItem.snapshot_id == made.id)).all()  # noqa: E731
    made = snapshots.create_snapshot(db, project.id, named, None)
    assert [(each.steps, each.targets, each.values) for each in of(made)] == [(["a", "b"], [1, -1], None)]
    whole = snapshots.create_snapshot(db, project.id, {**named, "cut_at_first_error": False}, None)
    assert of(whole)[0].targets == [1, -1, -1]
    soft = snapshots.create_snapshot(db, project.id, {**named, "soft": True}, None)
    assert of(soft)[0].values == [0.75, 0.0, 0.0]
    assert len({made.hash, whole.hash, soft.hash}) == 3
    with pytest.raises(Invalid, match="no rollout of this generator"):
        snapshots.create_snapshot(db, project.id, {**named, "min_rollouts": 5}, None)
    for wrong in (None, True, asked.id + 1, "1"):
        with pytest.raises(Invalid, match="generator_id"):
            snapshots.create_snapshot(db, project.id, {**named, "generator_id": wrong}, None)
    for wrong in ({"soft": True}, {"generator_id": asked.id}, {"min_rollouts": 0}, {"soft": 1}):
        with pytest.raises(Invalid):
            snapshots.create_snapshot(db, project.id, wrong, None)
    assert (
        training.start(db, project.id, soft.id, {"objective": "soft", "size": "tiny"}, None).state == "queued"
    )
    assert (
        training.start(db, project.id, made.id, {"objective": "prm2", "size": "tiny"}, None).state == "queued"
    )
    for objective, snapshot in (("soft", made), ("prm3", soft), ("orm", made)):
        with pytest.raises(Invalid, match=r"does not learn from (soft )?labels of rollouts"):
            training.start(db, project.id, snapshot.id, {"objective": objective, "size": "tiny"}, None)


def test_the_trainer_is_given_the_values(database) -> None:
    with transaction() as db:
        project = factories.project(db)
        asked = Generator(project_id=project.id, name="g", kind="transformers", model="x", config={})
        solution = factories.solution(db, factories.problem(db, project), ("a", "b", "c"), verdict="correct")
        db.add(asked)
        db.flush()
        db.add(
            Rollout(
                generator_id=asked.id, solution_id=solution.id, position=1, rollout_count=8, correct_count=2
            )
        )
        named = {"source": "rollouts", "generator_id": asked.id, "soft": True}
        number = snapshots.create_snapshot(db, project.id, named, None).id
    (example,) = load_examples(number)
    assert example.values == [None, 0.25, 1.0]
    encoder = Encoder(train_tokenizer(["a b c"], 300), 64)
    learned = get_objective("soft").supervise(
        encoder.encode("p", example.steps, example.targets), example, TrainConfig.parse({"objective": "soft"})
    )
    assert learned.values == [0.25, 1.0]


def test_who_labels_sees_nothing_of_rollouts(db: Session, web: TestClient, rolled) -> None:
    """Every page and answer that a labeler may get, with such a solution on their desk and behind them."""
    project, asked, solution = rolled
    who = factories.member(db, project, "labeler")
    factories.task(db, solution)
    factories.sign_in(web, db, who)
    home = f"/projects/{project.slug}"
    sheet = web.post(f"{home}/assignments", headers={"Accept": "application/json"}).json()
    number = sheet["assignment"]["id"]
    seen = [web.post(f"{home}/assignments", headers={"Accept": "application/json"})]
    gone = {"finish_reason": "give_up", "comment": "cannot", "total_time_ms": 1}
    assert web.post(f"{home}/assignments/{number}/submission", json=gone).status_code == 200
    given = {"slug": project.slug, "assignment_id": number, "problem_id": solution.problem_id}
    paths = [
        path for method, path, rule in routes() if method == "GET" and least(rule) in ("stranger", "labeler")
    ]
    paths.remove("/api/v1/openapi.json")  # it describes the API of every role, and nobody's data
    assert f"{home}/desk".replace(project.slug, "{slug}") in paths
    for path in paths:
        names = re.findall(r"\{(\w+)", path)
        if set(names) <= set(given):
            seen.append(web.get(path.format(**given)))
    assert sum(answer.status_code == 200 for answer in seen) >= 8
    for answer in seen:
        assert "rollout" not in answer.text.lower(), answer.url
        assert asked.name not in answer.text, answer.url
