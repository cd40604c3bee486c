"""Migrations that change stored values keep the data, forward and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
from app.evaluation.models import EvaluationItem, EvaluationSet
from app.problems.models import ExternalLabel, Solution, Verdict
from tests.factories import base as factories


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
            project_id=project.id, name="S", state="ready", hash=b"h", counts={"solutions": 3, "correct": 2}
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
