"""The migration to the tables of labeling keeps what assignments stored, forward and back."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine, select, text

from app.core import db as core_db
from app.core.db import transaction
from app.core.migrate import downgrade_schema, upgrade_schema
from app.labeling.models import Assignment, LabelExposure, PreviousSubmission, Task
from tests.factories import base as factories


def rows(sql: str) -> list[Any]:
    with core_db.engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_what_an_assignment_showed_survives_both_ways(database: str) -> None:
    with transaction() as db:
        project = factories.project(db)
        user = factories.user(db, "ann")
        problem = factories.problem(db, project)
        values: list[dict[str, Any]] = [
            {},  # imported
            {"mode": "first_error", "instructions_version": 0, "reference_shown": False},
            {
                "mode": "alternatives", "instructions_version": 3, "reference_shown": True, "has_notes": True,
                "reopen_count": 2, "gold_feedback": True, "reference_verdict": "incorrect",
            },
        ]  # fmt: skip
        for number, columns in enumerate(values):
            solution = factories.solution(db, problem, (f"{number}.",))
            task = Task(project_id=project.id, solution_id=solution.id, assigned_count=1)
            db.add(task)
            db.flush()
            db.add(
                Assignment(
                    project_id=project.id, task_id=task.id, user_id=user.id, state="submitted",
                    submitted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), finish_reason="solution", **columns,
                )
            )  # fmt: skip
        db.flush()
        first = db.scalars(select(Assignment).order_by(Assignment.id)).first()
        assert first
        db.add(
            PreviousSubmission(
                assignment_id=first.id, submitted_at=first.submitted_at, finish_reason="solution", comment="",
                labels=[], reopen_reason="undone", reopened_at=first.submitted_at,
                ended_at=first.submitted_at, outcome="restored",
            )
        )  # fmt: skip
        db.add(
            LabelExposure(solution_id=solution.id, user_id=user.id, via="reveal", ratings_before=[1, None])
        )

    downgrade_schema(core_db.engine(), "import_duplicates")
    assert [row[0] for row in rows("SELECT shown FROM assignment ORDER BY id")] == [
        {},
        {"mode": "first_error", "instructions": 0, "reference_answer": False},
        {"mode": "alternatives", "instructions": 3, "reference_answer": True, "noted": True, "reopened": 2,
         "feedback": True, "reference_doubt": "reference"},
    ]  # fmt: skip
    assert rows("SELECT why, ended_as FROM earlier_submission") == [("undone", "kept")]
    assert rows("SELECT how, before FROM labels_seen") == [("shown", [1, None])]
    assert rows("SELECT taken FROM task LIMIT 1") == [(1,)]

    upgrade_schema(core_db.engine())
    with transaction() as db:
        assignments = db.scalars(select(Assignment).order_by(Assignment.id)).all()
        for assignment, columns in zip(assignments, values, strict=True):
            assert {name: getattr(assignment, name) for name in columns} == columns
        assert assignments[0].mode is None
        assert (assignments[1].has_notes, assignments[1].reopen_count) == (False, 0)
        assert db.scalars(select(PreviousSubmission.outcome)).one() == "restored"
        assert db.scalars(select(LabelExposure.via)).one() == "reveal"


def test_renamed_tables_have_no_name_of_the_old_ones(shared_engine: Engine) -> None:
    with shared_engine.connect() as connection:
        names = connection.scalars(
            text(
                "SELECT conname FROM pg_constraint UNION ALL SELECT relname FROM pg_class"
                " WHERE relnamespace = current_schema()::regnamespace"
            )
        ).all()
    old = ("known_answer", "known_mark", "standing", "labels_seen", "earlier_submission", "task_return")
    assert [name for name in names if any(word in name for word in old)] == []


def test_own_keys_survive_both_ways(database: str) -> None:
    with transaction() as db:
        factories.user(db, "ann").preferences = {"keys": {"negative": "x", "flag": "1"}, "theme": "dark"}
        factories.user(db, "bo")

    downgrade_schema(core_db.engine(), "agreement_runs")
    select_preferences = "SELECT preferences FROM user_account ORDER BY id"
    assert rows(select_preferences)[0] == ({"keys": {"bad": "x", "flag": "1"}, "theme": "dark"},)

    upgrade_schema(core_db.engine())
    assert rows(select_preferences)[0] == ({"keys": {"negative": "x", "flag": "1"}, "theme": "dark"},)
