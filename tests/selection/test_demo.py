"""The demo's parts before its round: imported, labeled by the judge through the desk's rules,
and left alone on a second start."""

from __future__ import annotations

from sqlalchemy import func, select, text

from app import demo
from app.core.db import transaction
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.selection.config import RoundConfig

SMALL = demo.Size(problems=20, labeled=25, round=RoundConfig())


def prepare() -> list[tuple[str, str]]:
    logins = demo.people()
    project = demo.the_project()
    demo.bring_in(project, SMALL)
    demo.label(project, SMALL)
    return logins


def counts() -> list[int | None]:
    with transaction() as db:
        tables = (Problem, Solution, Task, Assignment)
        return [db.scalar(select(func.count()).select_from(table)) for table in tables]


def test_generation_0_is_labeled_and_a_second_start_adds_nothing(home, database):
    logins = prepare()

    assert counts() == [20, 160, 25, 25]
    with transaction() as db:
        assert db.scalar(select(func.count()).where(Solution.verdict.is_(None))) == 0
        assert db.scalar(select(func.count()).where(Assignment.state != "submitted")) == 0
        wrong = text(
            """SELECT count(*) FROM assignment a JOIN task t ON t.id = a.task_id
               JOIN solution s ON s.id = t.solution_id
               WHERE a.finish_reason = 'solution' AND s.verdict = 'wrong'"""
        )
        assert db.scalar(wrong) == 0, "a wrong answer has a wrong step, and the judge finds it"
    assert prepare() == logins
    assert counts() == [20, 160, 25, 25]
    kept = home / "demo-logins.json"
    assert kept.stat().st_mode & 0o777 == 0o600
