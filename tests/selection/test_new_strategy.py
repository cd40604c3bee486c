"""A strategy registered at run time works everywhere: preview, queue, reasons, forms and the API."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.labeling.models import Task
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.scoring.models import ScoringRun
from app.selection import preview, round_driver, rounds, select_sql
from app.selection.config import Policy, RoundConfig, parse
from app.selection.gate import GateConfig
from app.selection.models import Generation
from app.selection.score_orders import ExpressionOrder, ScoredSolution
from app.selection.select_in_memory import select_solutions
from app.selection.strategies import STRATEGIES, Strategy
from app.simulation import policies
from tests.factories import base as factories
from tests.factories import selection as loop

TARGET = 0.7
NEAR_TARGET = Strategy(
    id="near_target",
    label="Scores near 0.7",
    description="Incorrect answers with a score near 0.7.",
    order=ExpressionOrder(
        score=lambda log_score: -abs(math.exp(log_score) - TARGET),
        sql=f"-abs(exp(CAST(log_score AS double precision)) - {TARGET})",
    ),
    required_verdict="incorrect",
)
"""No index orders a pool by this expression."""
LAST_STEP = Strategy(
    id="least_certain_last_step",
    label="Least certain last steps",
    description="Solutions by the probability that their last step is correct, lowest first.",
    order=NEAR_TARGET.order,
    step_measure=lambda correctness: (1 - correctness[-1], len(correctness) - 1),
    ranks_by_measure=True,
)
SCORES = (0.95, 0.8, 0.72, 0.69, 0.5, 0.2)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    for strategy in (NEAR_TARGET, LAST_STEP):
        monkeypatch.setitem(STRATEGIES, strategy.id, strategy)


@pytest.fixture
def project(database) -> Project:
    """Six problems, each with one incorrect answer, scored by one model."""
    with transaction() as db:
        project = factories.project(db, "New strategy")
        model = loop.model(db, project)
        for number, score in enumerate(SCORES):
            problem = factories.problem(db, project, f"{number}?")
            solution = factories.solution(db, problem, (f"{number}.", "5"), verdict="incorrect")
            loop.score(db, model, solution, score)
    return project


def config(db, project: Project, strategy: str, size: int = 3) -> RoundConfig:
    policy = Policy(size=size, shares={strategy: 1.0})
    model_id = preview.funnel.find_newest_model(db, project.id).id
    return RoundConfig(policy=policy, model_id=model_id, gate=GateConfig(if_inconclusive="proceed"))


def statements(db, ids: list[int]) -> list[str]:
    rows = select(Solution.id, Problem.statement).join(Problem, Problem.id == Solution.problem_id)
    by_id = dict(db.execute(rows.where(Solution.id.in_(ids))).all())
    return [by_id[solution_id] for solution_id in ids]


def test_a_round_previews_and_queues_it_with_its_reason(project):
    with transaction() as db:
        round_config = config(db, project, NEAR_TARGET.id)
        shown = preview.preview_round(db, project, round_config).model_dump()
        assert shown["by_strategy"] == {NEAR_TARGET.id: 3}
        assert statements(db, [row["solution_id"] for row in shown["first"]]) == ["3?", "2?", "1?"]
        round_id = rounds.start(db, project, round_config, None).id
    round_driver.advance(round_id)
    with transaction() as db:
        db.scalars(select(ScoringRun).where(ScoringRun.parent_id == round_id)).one().state = "succeeded"
    assert round_driver.advance(round_id) is False
    with transaction() as db:
        tasks = db.scalars(select(Task).where(Task.generation == 1).order_by(Task.priority.desc())).all()
        assert statements(db, [task.solution_id for task in tasks]) == ["3?", "2?", "1?"]
        assert [task.reason["strategy"] for task in tasks] == [NEAR_TARGET.id] * 3
        assert [task.reason["rank"] for task in tasks] == [1, 2, 3]
        generation = db.scalars(select(Generation)).one()
        assert generation.policy["shares"][NEAR_TARGET.id] == 1.0
        assert generation.funnel["by_strategy"] == {NEAR_TARGET.id: 3}


@pytest.mark.parametrize("strategy", [NEAR_TARGET, LAST_STEP])
def test_the_database_selects_what_the_rule_in_memory_selects(project, strategy):
    with transaction() as db:
        policy = config(db, project, strategy.id, size=4)
        selections = select_sql.select_solutions(db, project.id, policy.model_id, policy.policy)
        solutions = db.scalars(select(Solution).order_by(Solution.id)).all()
        scored = [
            ScoredSolution(row.id, row.problem_id, row.digest, "incorrect", math.log(score))
            for row, score in zip(solutions, SCORES, strict=True)
        ]
        correctness = {row.id: [score**0.5] * 2 for row, score in zip(solutions, SCORES, strict=True)}
        texts = {row.id: row.steps for row in solutions}
    expected = select_solutions(scored, 4, {strategy.id: 1}, 4, 0, None, correctness, texts)
    assert [(row.solution_id, row.rank, row.position) for row in selections] == [
        (row.solution_id, row.rank, row.position) for row in expected
    ]
    assert len(selections) == 4


def test_the_form_and_the_queue_show_it(db, web):
    project = factories.project(db, "New strategy")
    factories.sign_in(web, db, factories.member(db, project, "researcher"))
    solution = factories.solution(db, factories.problem(db, project), verdict="incorrect")
    other = factories.solution(db, solution.problem, ("Another.", "5"), verdict="incorrect")
    loop.score(db, loop.model(db, project), solution, 0.7)
    reason = {"strategy": NEAR_TARGET.id, "score": 0.7, "rank": 1, "model_id": 1}
    factories.task(db, other, generation=1, reason=reason)

    home = f"/projects/{project.slug}"
    shares = f"convincing_wrong=0&most_convincing=0&{NEAR_TARGET.id}=100"
    form = web.get(f"{home}/rounds/new?{shares}&if_inconclusive=proceed").text
    assert NEAR_TARGET.description in form
    assert f"1 × {NEAR_TARGET.label}" in form
    assert f"{NEAR_TARGET.label}, rank 1" in " ".join(web.get(f"{home}/generations/1").text.split())
    body = {"policy": {"shares": {NEAR_TARGET.id: 1}}, "gate": {"if_inconclusive": "proceed"}}
    answer = web.post(f"/api/v1{home}/rounds/preview", json=body)
    assert answer.json()["by_strategy"] == {NEAR_TARGET.id: 1}


def test_ids_of_earlier_versions_are_accepted():
    former = {
        "policy": {"shares": {"doubted_right": 0.5, "uniform": 0.5}},
        "gate": {"fallback": "mixture", "unchecked": "none"},
    }
    current = {
        "policy": {"shares": {"doubted_correct_by_step": 0.5, "random": 0.5}},
        "gate": {"if_failed": "half_random", "if_inconclusive": "proceed"},
    }
    assert parse(former) == parse(current)
    assert policies.require_policies(["paper", "unsure", "uniform"]) == (
        "random",
        "lightman_80_20_fixed",
        "uncertain_steps",
    )


def test_every_mixture_is_a_policy_and_has_variants():
    variant = policies.get_policy("wrong_by_step_gated")
    assert (variant.gated, variant.retrains, variant.mixture.id) == (True, True, "wrong_by_step")
    assert not policies.get_policy("uncertain_steps_fixed").retrains
    assert policies.find_policy("random_gated") is None
    assert policies.find_policy("luck_fixed") is None
