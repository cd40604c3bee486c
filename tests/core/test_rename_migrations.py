"""Migrations that rename tables, columns and stored values keep the data, forward and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
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


QUALITY_ROWS = (
    "SELECT * FROM adjudication ORDER BY id",
    "SELECT * FROM adjudication_candidate",
    "SELECT * FROM adjudication_recheck",
    "SELECT * FROM agreement_report",
    "SELECT * FROM agreement_value",
)
