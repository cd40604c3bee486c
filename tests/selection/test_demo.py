"""The parts of the demo before its round: imported, labeled exactly by the rules of the desk,
and left alone on a second start."""

from __future__ import annotations

from sqlalchemy import func, select, text

from app import demo
from app.core.db import transaction
from app.generators.models import Generator
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.training.runs import parse_train_config
from app.world import demo_data

SMALL = demo.DemoSize(every=20, labeled=12, round=demo.demo_size_of(True).round)
ENTRIES = demo_data.load_entries()[::20]
THERE = [len(ENTRIES), sum(len(entry.solutions) for entry in ENTRIES), 12, 12]


def prepare() -> list[tuple[str, str]]:
    logins = demo.create_users()
    project = demo.get_or_create_project()
    demo.install_writer(project)
    demo.import_problems(project, SMALL.every)
    demo.label_generation(project, SMALL.labeled)
    return logins


def counts() -> list[int | None]:
    with transaction() as db:
        tables = (Problem, Solution, Task, Assignment)
        return [db.scalar(select(func.count()).select_from(table)) for table in tables]


def test_generation_0_is_labeled_and_a_second_start_adds_nothing(home, database):
    logins = prepare()

    assert counts() == THERE
    with transaction() as db:
        assert db.scalar(select(func.count()).where(Solution.verdict.is_(None))) == 0
        assert db.scalar(select(func.count()).where(Assignment.state != "submitted")) == 0
        wrong = text(
            """SELECT count(*) FROM assignment a JOIN task t ON t.id = a.task_id
               JOIN solution s ON s.id = t.solution_id
               WHERE a.finish_reason = 'solution' AND s.verdict = 'incorrect'"""
        )
        assert db.scalar(wrong) == 0, "an incorrect answer has a negative step"
    assert prepare() == logins
    assert counts() == THERE
    logins_file = home / "demo-logins.json"
    assert logins_file.stat().st_mode & 0o777 == 0o600
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Generator)) == 1
    base = demo.build_round_config(SMALL).train.base
    config = parse_train_config(demo.build_round_config(SMALL).train.to_json())
    assert config.base == base, "this server lets a training start there"
