"""Migrations that rename tables, columns and stored values keep the data, forward and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
from app.generators.models import (
    AlternativeSettings,
    Generator,
    Rollout,
    SamplingError,
    SamplingItem,
    SamplingRun,
)
from app.quality.models import Adjudication, AdjudicationCandidate, AgreementReport, AgreementValue
from tests.factories import base as factories
from tests.factories.quality import disputed_solution


def rows(sql: str) -> list[Any]:
    with core_db.engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_adjudication_and_agreement_survive_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        user = factories.user(db, "ann")
        problem = factories.problem(db, project)
        exposures = ("none", "own", "page", "reveal", "unknown")
        for exposure in exposures:
            solution = factories.solution(db, problem, (exposure,))
            reasons = {"disagreement": True, "flagged": False, "model_disagreement": exposure == "page"}
            decision = Adjudication(
                project_id=project.id, solution_id=solution.id, ratings=[1], reason="r", exposure=exposure,
                decided_by=user.id, queue_reasons=reasons if exposure != "unknown" else {},
            )  # fmt: skip
            db.add(decision)
        db.add(
            AdjudicationCandidate(
                project_id=project.id, solution_id=solution.id, labelers=2, disagreement=False, flagged=True,
                model_disagreement=True,
            )
        )  # fmt: skip
        db.add(AgreementReport(project_id=project.id, submissions=3))
        db.add(
            AgreementValue(
                project_id=project.id, scope="project", measure="alpha", value=0.5, pairs=1, solutions=1,
                newest_solution_ids=[solution.id],
            )
        )  # fmt: skip
        disputed_solution(db, project)
    current = [rows(statement) for statement in QUALITY_ROWS]

    downgrade_schema(core_db.engine(), "slice_views")
    former = ["nothing", "own", "opened", "shown", "unknown"]
    assert [row[0] for row in rows("SELECT knew FROM adjudication ORDER BY id")] == former
    assert rows("SELECT asked_for ->> 'model' FROM adjudication WHERE knew = 'opened'") == [("true",)]
    assert rows("SELECT place, model FROM second_look") == [(2, True)]
    assert rows("SELECT about, newest FROM agreement_figure") == [("project", [solution.id])]
    assert rows("SELECT submissions, asked_at IS NULL, counted_at IS NULL FROM agreement") == [
        (3, False, True)
    ]
    with core_db.engine().connect() as connection:  # the trigger of the former version works; rolled back
        connection.execute(text("UPDATE assignment SET state = 'expired', submitted_at = NULL"))
        assert connection.scalar(text("SELECT count(*) FROM look_again")) == 4

    upgrade_schema(core_db.engine())
    assert [rows(statement) for statement in QUALITY_ROWS] == current


def test_sampling_and_rollouts_survive_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        solution = factories.solution(db, factories.problem(db, project))
        generator = Generator(
            project_id=project.id, name="g", kind="openai", base_url="http://g/v1", model="m",
            api_key_env="STEPMARK_KEY_G",
            config={"concurrency": 2, "samples_per_request": 3, "steps": "stop"},
        )  # fmt: skip
        db.add(generator)
        db.flush()
        for purpose, config in SAMPLING_CONFIGS.items():
            run = SamplingRun(
                project_id=project.id, generator_id=generator.id, purpose=purpose, config=config,
                counters={"stored": 4, "correct": 1, "requests": 2},
            )  # fmt: skip
            db.add(run)
            db.flush()
        for state in ("queued", "succeeded", "failed"):
            db.add(
                SamplingItem(
                    sampling_run_id=run.id, problem_id=solution.problem_id, target_count=3, sample_count=2,
                    state=state,
                )
            )  # fmt: skip
        db.add(SamplingError(sampling_run_id=run.id, problem_id=solution.problem_id, message="m"))
        db.add(
            Rollout(
                generator_id=generator.id,
                solution_id=solution.id,
                position=0,
                rollout_count=4,
                correct_count=1,
            )
        )
        db.add(
            AlternativeSettings(
                project_id=project.id, generator_id=generator.id, alternative_count=3, positions="every"
            )
        )
    current = [rows(statement) for statement in SAMPLING_ROWS]

    downgrade_schema(core_db.engine(), "simulation_names")
    assert rows("SELECT key_name, config FROM generator") == [
        ("STEPMARK_KEY_G", {"at_once": 2, "per_request": 3, "steps": "stop"})
    ]
    assert [row[0] for row in rows("SELECT purpose FROM sampling_run ORDER BY run_id")] == [
        "solutions", "rollouts", "alternatives",
    ]  # fmt: skip
    configs = [row[0] for row in rows("SELECT config FROM run WHERE kind = 'sampling' ORDER BY id")]
    assert configs == [
        {"per_problem": 4, "counting": "pool"},
        {"rollouts": 8, "how": "search", "most": 10},
        {"candidates": 3, "positions": "every", "behind": False},
    ]
    assert rows("SELECT DISTINCT counters FROM sampling_run") == [({"made": 4, "reached": 1, "requests": 2},)]
    assert rows("SELECT wanted, tries, state FROM sampling_item ORDER BY id") == [
        (3, 2, "waiting"), (3, 2, "done"), (3, 2, "failed"),
    ]  # fmt: skip
    assert rows("SELECT rollouts, reached FROM rollout_rate") == [(4, 1)]
    assert rows("SELECT candidates, positions FROM preparation") == [(3, "every")]

    upgrade_schema(core_db.engine())
    assert [rows(statement) for statement in SAMPLING_ROWS] == current


SAMPLING_CONFIGS = {
    "pool": {"per_problem": 4, "count_from": "pool"},
    "rollouts": {"rollouts": 8, "strategy": "binary_search", "max_solutions": 10},
    "alternatives": {"alternative_count": 3, "positions": "every", "to_end": False},
}
SAMPLING_ROWS = (
    "SELECT * FROM generator",
    "SELECT * FROM sampling_run ORDER BY run_id",
    "SELECT * FROM sampling_item ORDER BY id",
    "SELECT * FROM sampling_error",
    "SELECT * FROM rollout",
    "SELECT * FROM rollout_rate",
    "SELECT * FROM alternative_settings",
    "SELECT config FROM run WHERE kind = 'sampling' ORDER BY id",
)
QUALITY_ROWS = (
    "SELECT * FROM adjudication ORDER BY id",
    "SELECT * FROM adjudication_candidate",
    "SELECT * FROM adjudication_recheck",
    "SELECT * FROM agreement_report",
    "SELECT * FROM agreement_value",
)
