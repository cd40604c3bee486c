"""The migration of names: stored evaluations and searches keep their data, both ways."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
from app.evaluation import freeze, runs, sets
from app.evaluation.driver import advance
from app.generators.models import Generator
from app.lab.models import ProblemResult, SearchRun
from tests.factories import base as factories
from tests.factories import evaluation as evaluation_factories

ROWS = (
    "SELECT id, config, results FROM run ORDER BY id",
    "SELECT * FROM evaluation ORDER BY run_id",
    "SELECT * FROM evaluation_problem ORDER BY 1, 2",
    "SELECT * FROM evaluation_set ORDER BY id",
    "SELECT * FROM search_result ORDER BY 1, 2",
)


def rows(statement: str) -> list[Any]:
    with core_db.engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_evaluations_and_searches_survive_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        solutions = evaluation_factories.pool(db, project, 6)
        model = evaluation_factories.scored(db, project, solutions, [0.9, 0.2, 0.5, 0.4])
        set_id = sets.create_set(db, project.id, "Set", {}, None).id
    freeze.freeze_set(set_id)
    with transaction() as db:
        evaluation_set = sets.get_set(db, project.id, set_id)
        evaluation_id = runs.start(db, evaluation_set, {"resamples": 20}, None, model_id=model.id).id
    assert advance(evaluation_id) is False
    with transaction() as db:
        generator = Generator(
            project_id=project.id, name="g", kind="openai", base_url="http://x", model="m", config={}
        )
        db.add(generator)
        db.flush()
        config = {"method": "beam", "n": 4, "beam_width": 2, "vote_by": "samples"}
        results = {"excluded": {"trained_on": 3}, "curves": {}}
        search = SearchRun(
            project_id=project.id, model_id=model.id, generator_id=generator.id, config=config,
            state="succeeded", results=results,
        )  # fmt: skip
        db.add(search)
        db.flush()
        problem_id = solutions[0][0].problem_id
        db.add(ProblemResult(search_run_id=search.id, problem_id=problem_id, metrics={"pass_at_1": 0.5}))
    current = [rows(statement) for statement in ROWS]

    downgrade_schema(core_db.engine(), "sampling_names")

    assert rows("SELECT state FROM evaluation_set") == [("ready",)]
    evaluation, searched = rows("SELECT config, results FROM run ORDER BY id")
    assert evaluation[1]["left_out"] == {"learned_from": 0, "picked_by": 0}
    assert "oracle" in evaluation[1]["best_of_n"]["curves"]
    assert searched[0] == {"method": "beam", "n": 4, "width": 2, "voices": "draws"}
    assert searched[1]["left_out"] == {"learned_from": 3}
    assert rows('SELECT "right", "values" -> \'oracle\' IS NOT NULL FROM evaluation_problem')[0] == (2, True)
    assert rows("SELECT outside, folder FROM evaluation") == [(None, None)]
    assert rows('SELECT "values" FROM search_outcome') == [({"pass_at_1": 0.5},)]

    upgrade_schema(core_db.engine())

    assert [rows(statement) for statement in ROWS] == current
