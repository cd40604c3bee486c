"""Migrations that change stored values keep the data, forward and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
from app.evaluation.models import EvaluationItem, EvaluationSet
from app.prm.config import TrainConfig
from app.problems.models import ExternalLabel, Solution, Verdict
from app.selection.config import parse
from app.selection.gate import GateResult
from app.selection.models import Generation, Round
from app.training.models import TrainingPoint, TrainingRun
from tests.factories import base as factories
from tests.factories import simulation


def rows(sql: str) -> list[Any]:
    with core_db.engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_verdicts_and_external_labels_survive_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        problem = factories.problem(db, project)
        for verdict in ("correct", "incorrect", "unparseable", None):
            solution = factories.solution(db, problem, (str(verdict),), verdict=verdict)
            if verdict:
                db.add(Verdict(solution_id=solution.id, source="grader", verdict=verdict))
        db.add(ExternalLabel(solution_id=solution.id, source="file:x", first_error=0, ratings=[-1]))
        frozen = EvaluationSet(
            project_id=project.id,
            name="S",
            state="succeeded",
            hash=b"h",
            counts={"solutions": 3, "correct": 2},
        )
        db.add(frozen)
        db.flush()
        item = {"evaluation_set_id": frozen.id, "problem_id": problem.id, "solution_id": solution.id}
        db.add(EvaluationItem(**item, answer=0, verdict="incorrect"))

    downgrade_schema(core_db.engine(), "labels_of_a_run")
    old = ["right", "unparseable", "wrong", None]
    assert [row[0] for row in rows("SELECT verdict FROM solution ORDER BY verdict")] == old
    assert [row[0] for row in rows("SELECT verdict FROM verdict ORDER BY verdict")] == old[:3]
    assert rows("SELECT verdict FROM evaluation_item") == [("wrong",)]
    assert rows("SELECT counts FROM evaluation_set") == [({"solutions": 3, "right": 2},)]
    assert rows("SELECT source, first_error, ratings FROM outside_label") == [("file:x", 0, [-1])]

    upgrade_schema(core_db.engine())
    with transaction() as db:
        new = ["correct", "incorrect", "unparseable", None]
        assert list(db.scalars(select(Solution.verdict).order_by(Solution.verdict))) == new
        assert list(db.scalars(select(Verdict.verdict).order_by(Verdict.verdict))) == new[:3]
        assert db.scalars(select(EvaluationItem.verdict)).one() == "incorrect"
        assert db.scalars(select(EvaluationSet.counts)).one() == {"solutions": 3, "correct": 2}
        assert db.scalars(select(ExternalLabel.ratings)).one() == [-1]


GATE_OLD = {
    "verdict": "not competent", "why": "It chooses worse than a blind draw.", "problems": 30, "n": 8,
    "best_of": 0.3, "blind": 0.5, "majority": 0.6, "over_blind": None, "over_majority": None,
}  # fmt: skip
SENTENCE_OLD = "the selector is not competent: the queue is drawn at random instead"
SENTENCE_NEW = "Gate failed. The queue is a random sample instead."


def test_selection_ids_survive_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        solution = factories.solution(db, factories.problem(db, project))
        reason = {"strategy": "random", "rank": 1, "gate": SENTENCE_NEW}
        factories.task(db, solution, generation=1, reason=reason)
        shares = {"convincing_wrong": 0.5, "doubted_correct_by_step": 0.25, "random": 0.25}
        gate = GateResult(
            verdict="failed", reason=GATE_OLD["why"], problems=30, n=8, best_of=0.3, pass_at_1=0.5,
            majority=0.6, action="random",
        ).model_dump()  # fmt: skip
        config = parse({"policy": {"shares": shares}, "gate": {"if_failed": "half_random"}}).as_json()
        policy = {**config["policy"], "requested_shares": shares, "gate": gate}
        db.add(Round(project_id=project.id, generation=1, config=config, state="failed",
                     gate=gate, picks=[[solution.id, reason]]))  # fmt: skip
        db.add(
            Generation(project_id=project.id, number=1, policy=policy, funnel={"by_strategy": {"random": 1}})
        )
        simulation.simulation(db, project, policies=["random", "lightman_80_20_gated", "wrong_by_step_gated"])

    current = [rows(statement) for statement in SELECTION_ROWS]
    downgrade_schema(core_db.engine(), "training_runs")
    former = rows("SELECT config -> 'policy' -> 'shares', config -> 'gate', made -> 'gate' FROM round")
    old_shares, options, old_gate = former[0]
    assert {name for name, share in old_shares.items() if share} == {
        "convincing_wrong", "doubted_right", "uniform",
    }  # fmt: skip
    assert options == {
        "fallback": "mixture", "unchecked": "mixture", "min_problems": 20, "min_solutions": 4,
    }  # fmt: skip
    assert old_gate == {**GATE_OLD, "instead": "uniform"}
    assert rows("SELECT reason ->> 'strategy', reason ->> 'gate' FROM task") == [("uniform", SENTENCE_OLD)]
    assert rows("SELECT policy -> 'asked' ->> 'uniform' FROM generation") == [("0.25",)]
    assert rows("SELECT funnel -> 'by_strategy' FROM generation") == [({"uniform": 1},)]
    assert rows("SELECT policies FROM simulation") == [(["uniform", "gated", "wrong_by_step_gated"],)]
    points = rows("SELECT DISTINCT policy, gate ->> 'verdict' FROM simulation_point WHERE gate IS NOT NULL")
    assert {("gated", "competent"), ("gated", "not competent")} <= set(points)
    results = rows("SELECT results -> 'plain' -> 'policies' FROM simulation")[0][0]
    assert set(results) == {"uniform", "gated", "wrong_by_step_gated"}

    upgrade_schema(core_db.engine())
    assert [rows(statement) for statement in SELECTION_ROWS] == current


SELECTION_ROWS = (
    "SELECT config, gate, picks FROM round JOIN run ON run.id = round.run_id",
    "SELECT policy, funnel FROM generation",
    "SELECT reason FROM task",
    "SELECT policies, results FROM simulation JOIN run ON run.id = simulation.run_id",
    "SELECT seed, policy, budget, test_set, gate FROM simulation_measurement ORDER BY 1, 2, 3, 4",
)


def test_training_options_keep_their_values_both_ways(database: str) -> None:
    options = {"epochs": 2.0, "warmup_ratio": 0.2, "group_by": "path", "batch_size": 8}
    with transaction() as db:
        project = factories.project(db)
        run = TrainingRun(project_id=project.id, data={}, config=options, state="failed", progress={})
        db.add_all([run, Round(project_id=project.id, generation=1, config={"train": options, "size": 3})])
        db.flush()
        db.add(TrainingPoint(training_run_id=run.id, step=1, metrics={"loss": 0.5}))

    downgrade_schema(core_db.engine(), "project_modes")
    former = {"epochs": 2.0, "warmup": 0.2, "together": "walk", "solutions_per_step": 8}
    assert rows("SELECT config FROM run WHERE kind = 'training'") == [(former,)]
    assert rows("SELECT config FROM round") == [({"train": former, "size": 3},)]
    assert rows("SELECT values FROM training_point") == [({"loss": 0.5},)]
    assert TrainConfig.parse(former) == TrainConfig.parse(options), "stored models keep the former names"

    upgrade_schema(core_db.engine())
    with transaction() as db:
        assert db.scalars(select(TrainingRun.config)).one() == options
        assert db.scalars(select(Round.config)).one() == {"train": options, "size": 3}
        assert db.scalars(select(TrainingPoint.metrics)).one() == {"loss": 0.5}
