"""A selector is held against blind choice and majority before it is let near the queue."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.core.errors import Invalid
from app.evaluation.models import Evaluation, EvaluationProblem, EvaluationSet
from app.labeling.models import Task
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.scoring.models import ScoringRun
from app.selection import round_driver, rounds
from app.selection.config import Policy, RoundConfig, parse
from app.selection.gate import (
    FAILED,
    INCONCLUSIVE,
    PASSED,
    GateConfig,
    applied_shares,
    check_selector,
    difference,
)
from app.selection.gate import ProblemAccuracy as Checked
from app.selection.models import Generation, Round
from app.selection.strategies import STRATEGIES
from tests.factories import base as factories
from tests.factories import selection as loop

GATE = GateConfig(min_problems=20)


def problems(best_of: float, pass_at_1: float = 0.4, majority: float = 0.5, count: int = 60) -> list[Checked]:
    """Each with some luck of its own."""
    chance = random.Random(1)  # noqa: S311
    return [
        Checked(8, pass_at_1 + (luck := chance.gauss(0, 0.1)), best_of + luck, majority + luck)
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("best_of", "verdict", "reason"),
    [
        (0.7, PASSED, "better than a random pick and not worse"),
        (0.5, PASSED, "better than a random pick and not worse"),
        (0.45, FAILED, "worse than the majority"),
        (0.4, FAILED, "not significantly better"),
        (0.2, FAILED, "worse than a random pick"),
    ],
)
def test_the_verdict(best_of, verdict, reason):
    result = check_selector(problems(best_of), 8, GATE)

    assert result.verdict == verdict
    assert reason in result.reason
    assert (result.problems, result.n) == (60, 8)


def test_few_problems_or_few_solutions_tell_nothing():
    assert check_selector(problems(0.9, count=19), 8, GATE).verdict == INCONCLUSIVE
    assert check_selector(problems(0.9), 8, GateConfig(min_solutions=9)).verdict == INCONCLUSIVE
    assert check_selector([], 0, GATE).verdict == INCONCLUSIVE


def test_luck_alone_does_not_pass():
    """Of 50 selectors that choose blindly, hardly any passes."""
    passed = 0
    for seed in range(50):
        chance = random.Random(seed)  # noqa: S311
        blind = [Checked(8, 0.4, float(chance.random() < 0.4), 0.4) for _ in range(40)]
        passed += check_selector(blind, 8, GATE).verdict == PASSED

    assert passed <= 4


def test_an_interval_holds_what_it_is_about():
    held = 0
    for seed in range(40):
        chance = random.Random(seed)  # noqa: S311
        result = difference([chance.gauss(0.1, 0.3) for _ in range(50)])
        held += result.low <= 0.1 <= result.high

    assert 34 <= held <= 40


def test_what_is_queued_after_the_gate():
    def applied(requested, action):
        return {name: share for name, share in applied_shares(requested, action).items() if share}

    paper = {"convincing_wrong": 8, "most_convincing": 2, "random": 0}
    assert applied(paper, "proceed") == {"convincing_wrong": 0.8, "most_convincing": 0.2}
    assert applied(paper, "random") == {"random": 1.0}
    assert applied(paper, "half_random") == {
        "convincing_wrong": 0.4,
        "most_convincing": 0.1,
        "random": 0.5,
    }
    for name in STRATEGIES:
        assert applied({name: 1.0}, "random") == {"random": 1.0}
        assert applied({name: 1.0}, "half_random").get("random") == (1.0 if name == "random" else 0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"if_failed": "chance"},
        {"fallback": "chance"},
        {"if_faild": "proceed"},
        {"min_problems": 1},
        {"min_solutions": "4"},
        [],
    ],
)
def test_a_wrong_gate_is_refused(wrong):
    with pytest.raises(Invalid):
        parse({"gate": wrong})


def test_the_gate_survives_being_stored():
    config = parse({"gate": {"if_failed": "half_random", "if_inconclusive": "proceed", "min_problems": 5}})

    assert parse(config.as_json()) == config
    assert parse({}).gate == GateConfig()


@pytest.fixture
def project(database) -> Project:
    """Four train problems of four solutions; a model; a validation set of thirty problems."""
    with transaction() as db:
        project = factories.project(db)
        for number in range(4):
            problem = factories.problem(db, project, f"{number}?")
            for place in range(4):
                factories.solution(
                    db, problem, (f"{place}.", "5"), verdict="correct" if place == 0 else "incorrect"
                )
        db.add(
            EvaluationSet(
                project_id=project.id, name="V", state="succeeded", hash=b"1", is_default=True, definition={}
            )
        )
    return project


def judged(db, project: Project, model_id: int, best_of: float, state: str = "succeeded") -> None:
    """An evaluation of the model on thirty validation problems, a blind draw being right at 0.5."""
    frozen = db.scalars(select(EvaluationSet).where(EvaluationSet.project_id == project.id)).one()
    done = state == "succeeded"
    evaluation = Evaluation(
        project_id=project.id, evaluation_set_id=frozen.id, model_id=model_id, config={}, state=state,
        progress={}, results={"best_of_n": None} if done else None,
    )  # fmt: skip
    db.add(evaluation)
    db.flush()
    for number in range(30 if done else 0):
        problem = factories.problem(db, project, f"v{number}?", split="validation")
        values = {"n": [1, 8], "best_of": [0.5, best_of], "majority": [0.5, 0.6]}
        db.add(
            EvaluationProblem(
                evaluation_id=evaluation.id,
                problem_id=problem.id,
                solutions=8,
                correct=4,
                mean_score=0.5,
                metrics=values,
            )
        )


def chosen_by(
    project: Project, gate: GateConfig, **evaluation: object
) -> tuple[Round, list[Task], Generation | None]:
    """A round that chooses with a model as it is."""
    with transaction() as db:
        model = loop.model(db, project)
        for solution in db.scalars(select(Solution).join(Problem).where(Problem.split == "train")):
            loop.score(db, model, solution, 0.3 + solution.id % 60 / 100)
        if evaluation:
            judged(db, project, model.id, **evaluation)
        config = RoundConfig(policy=Policy(size=4, per_problem=2), model_id=model.id, gate=gate)
        round_id = rounds.start(db, project, config, None).id
    round_driver.advance(round_id)
    with transaction() as db:
        db.scalars(select(ScoringRun).where(ScoringRun.parent_id == round_id)).one().state = "succeeded"
    round_driver.advance(round_id)
    if evaluation.get("state") == "failed":  # it is tried once more, and fails again
        with transaction() as db:
            for evaluation_run in db.scalars(select(Evaluation)):
                evaluation_run.state, evaluation_run.error = "failed", "no scores"
        round_driver.advance(round_id)
    with transaction() as db:
        return (
            db.get_one(Round, round_id),
            list(db.scalars(select(Task).where(Task.generation == 1))),
            db.scalar(select(Generation).where(Generation.number == 1)),
        )


def strategies(tasks: list[Task]) -> set[str]:
    return {task.reason["strategy"] for task in tasks}


def test_a_competent_selector_chooses_and_nothing_is_said(project):
    round_, tasks, generation = chosen_by(project, GateConfig(), best_of=0.9)

    assert (round_.gate or {})["verdict"] == PASSED
    assert strategies(tasks) == {"convincing_wrong", "most_convincing"}
    assert all("gate" not in task.reason for task in tasks)
    assert generation.policy["shares"]["convincing_wrong"] == 0.8


def test_one_worse_than_blind_is_kept_from_the_queue_and_every_task_says_so(project):
    round_, tasks, generation = chosen_by(project, GateConfig(), best_of=0.3)

    assert round_.state == "succeeded"
    assert (round_.gate or {})["verdict"] == FAILED
    assert strategies(tasks) == {"random"}
    assert {task.reason["gate"] for task in tasks} == {"Gate failed. The queue is a random sample instead."}
    assert generation.policy["shares"]["random"] == 1.0
    assert generation.policy["requested_shares"]["convincing_wrong"] == 0.8
    assert generation.policy["gate"]["over_pass_at_1"]["high"] < 0


def test_the_mixture_keeps_half(project):
    _, tasks, _ = chosen_by(project, GateConfig(if_failed="half_random"), best_of=0.3)

    assert "random" in strategies(tasks)
    assert strategies(tasks) != {"random"}


def test_none_goes_on_as_asked_and_says_so(project):
    _, tasks, _ = chosen_by(project, GateConfig(if_failed="proceed"), best_of=0.3)

    assert "random" not in strategies(tasks)
    assert all("Gate failed." in task.reason["gate"] for task in tasks)


def test_a_failed_evaluation_leaves_it_unchecked(project):
    round_, tasks, _ = chosen_by(project, GateConfig(), best_of=0.9, state="failed")

    assert (round_.gate or {})["verdict"] == INCONCLUSIVE
    assert all("Gate inconclusive." in task.reason["gate"] for task in tasks)


def test_the_round_waits_for_the_evaluation(project):
    round_, tasks, _ = chosen_by(project, GateConfig(), best_of=0.9, state="running")

    assert (round_.state, round_.stage) == ("running", "validate")
    assert tasks == []


def test_the_pages_say_it(db, web):
    project = factories.project(db, "Gated")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    solution = factories.solution(db, factories.problem(db, project), verdict="incorrect")
    model = loop.model(db, project)
    loop.score(db, model, solution, 0.7)
    loop.labeled(
        db,
        factories.task(db, factories.solution(db, solution.problem, ("Another.",), verdict="incorrect")),
        factories.member(db, project),
        [-1],
    )
    gate = {**check_selector(problems(0.2), 8, GATE).model_dump(), "action": "random"}
    policy = RoundConfig().as_json()["policy"] | {"gate": gate}
    db.add(
        Generation(
            project_id=project.id, number=1, model_id=model.id, policy=policy, funnel={"by_strategy": {}}
        )
    )
    reason = {
        "strategy": "random",
        "score": 0.7,
        "rank": 1,
        "model_id": model.id,
        "gate": "the selector is bad",
    }
    factories.task(db, solution, generation=1, reason=reason)
    db.flush()

    for page in ("dashboard", "generations/1"):
        text = web.get(f"/projects/{project.slug}/{page}").text
        assert "Gate failed." in text
        assert "The model is worse than a random pick." in text
        assert "The queue is a random sample instead." in text
    assert "the selector is bad" in text
    form = web.get(f"/projects/{project.slug}/rounds/new").text
    assert "If the gate fails" in form
    assert "Gate inconclusive." in form
