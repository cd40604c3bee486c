"""Many labelers at once, on real connections: nothing over its overlap, nobody twice on a
task, every acknowledged rating there. A fifth of them crash and a tenth save too late."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.db import make_engine
from app.labeling import assignments, claim_sql, claims
from app.labeling.models import Assignment, Task
from app.problems.models import Solution
from app.projects.models import Project
from tests.factories import base as factories

LABELERS = 32
TASKS = 30
SHORT = dt.timedelta(milliseconds=150)

WRONG = {
    "over the overlap": """
        SELECT t.id FROM task t JOIN assignment a ON a.task_id = t.id AND a.state <> 'expired'
        GROUP BY t.id HAVING count(*) > t.overlap""",
    "counted wrongly": """
        SELECT t.id FROM task t LEFT JOIN assignment a ON a.task_id = t.id AND a.state <> 'expired'
        GROUP BY t.id HAVING count(a.id) <> t.assigned_count""",
    "twice for one labeler": "SELECT task_id FROM assignment GROUP BY task_id, user_id HAVING count(*) > 1",
    "more than one lease": """
        SELECT user_id FROM assignment WHERE state = 'leased' GROUP BY user_id, project_id
        HAVING count(*) > 1""",
}


def broken(engine: Engine) -> list[str]:
    """Which of the promises do not hold in this database."""
    with engine.connect() as connection:
        return [name for name, query in WRONG.items() if connection.execute(text(query)).first()]


@pytest.fixture
def engine(database: str):  # type: ignore[no-untyped-def]
    engine = make_engine(database, pool_size=LABELERS)
    yield engine
    engine.dispose()


def prepare(engine: Engine, overlap: int) -> tuple[int, list[int]]:
    with Session(engine) as db, db.begin():
        project = factories.project(db, lease_minutes=1)
        problem = factories.problem(db, project)
        for _ in range(TASKS):
            factories.task(db, factories.solution(db, problem, ("one", "two", "three")), overlap=overlap)
        return project.id, [factories.member(db, project).id for _ in range(LABELERS)]


class Labeler:
    """Works until nothing is left for them; remembers what the database acknowledged."""

    def __init__(self, engine: Engine, project: int, user: int, number: int) -> None:
        self.engine, self.ids, self.random = engine, (project, user), random.Random(number)  # noqa: S311
        self.crashes, self.late = number % 5 == 0, number % 10 == 1
        self.acknowledged: list[UUID] = []
        self.finished = 0

    def work(self) -> None:
        idle = 0
        while idle < 3:
            idle = 0 if self.label_next() else idle + 1
            if idle:
                time.sleep(SHORT.total_seconds())  # others' leases may run out

    def in_transaction(self, act: Callable[[Session, Project, User], object]) -> object:
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            return act(db, db.get_one(Project, self.ids[0]), db.get_one(User, self.ids[1]))

    def label_next(self) -> bool:
        held = self.in_transaction(self.claim)
        if held is None:
            return False
        if self.crashes and self.random.random() < 0.5:
            self.in_transaction(lambda db, project, user: self.rate(db, project, held, 1))
            time.sleep(SHORT.total_seconds() * 1.2)  # gone, and back when the lease ran out
            return True
        if self.late and self.random.random() < 0.5:
            time.sleep(SHORT.total_seconds() * 1.2)
        self.in_transaction(lambda db, project, user: self.rate(db, project, held, 3))
        self.in_transaction(lambda db, project, user: self.submit(db, project, held))
        return True

    def claim(self, db: Session, project: Project, user: User) -> int | None:
        held = claims.claim_assignment(db, project, user, now())
        if held is None:
            return None
        if held.lease_expires_at and held.lease_expires_at > now() + SHORT:
            held.lease_expires_at = now() + SHORT  # a lease is minutes long; a test is not
        return held.id

    def rate(self, db: Session, project: Project, held: object, count: int) -> None:
        assignment = assignments.get_own_assignment(db, project, held, self.ids[1])  # type: ignore[arg-type]
        events = [assignments.RatingEventData(uuid4(), at, 0, 1, None, 10, None) for at in range(count)]
        done = assignments.record_events(db, project, assignment, events, now())
        db.commit()
        self.acknowledged += done.saved

    def submit(self, db: Session, project: Project, held: object) -> None:
        try:
            assignment = assignments.get_own_assignment(db, project, held, self.ids[1])  # type: ignore[arg-type]
            assignments.submit_assignment(db, project, assignment, "solution", "", 10, now())
        except assignments.Refusal as refusal:
            if refusal.code != "lease_lost":
                raise
        else:
            db.commit()
            self.finished += 1


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_the_race(engine: Engine, overlap: int) -> None:
    project, users = prepare(engine, overlap)
    crew = [Labeler(engine, project, user, number) for number, user in enumerate(users)]
    with ThreadPoolExecutor(LABELERS) as pool:
        for done in [pool.submit(labeler.work) for labeler in crew]:
            done.result()
    assert broken(engine) == []
    with engine.connect() as connection:
        stored = set(connection.scalars(text("SELECT event_id FROM rating_event")))
        submitted = connection.scalar(text("SELECT count(*) FROM assignment WHERE state = 'submitted'"))
    acknowledged = {event for labeler in crew for event in labeler.acknowledged}
    assert acknowledged <= stored
    assert submitted == sum(labeler.finished for labeler in crew) == TASKS * overlap


def test_the_check_can_fail(engine: Engine) -> None:
    """An assignment too many, written past the rules, is seen by the same check."""
    project, users = prepare(engine, 1)
    with Session(engine) as db, db.begin():
        task = db.scalars(select(Task)).first()
        assert task
        for user in users[:2]:
            expiry = now() + dt.timedelta(hours=1)
            values = {"project_id": project, "task_id": task.id, "user_id": user}
            db.add(Assignment(**values, state="leased", lease_expires_at=expiry))
    assert broken(engine) == ["over the overlap", "counted wrongly"]


def test_sixteen_tabs_get_one_lease(engine: Engine) -> None:
    project, users = prepare(engine, 1)
    ready = threading.Barrier(16)

    def tab(_: int) -> int:
        with Session(engine) as db, db.begin():
            ready.wait(10)
            held = claims.claim_assignment(
                db, db.get_one(Project, project), db.get_one(User, users[0]), now()
            )
            assert held
            return held.id

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(tab, range(16)))) == 1
    assert broken(engine) == []


def test_the_queue_grows_without_slowing(engine: Engine) -> None:
    """The plan reads the waiting index from its start: no sort, no scan of the pool."""
    project, users = prepare(engine, 1)
    with Session(engine) as db, db.begin():
        solution = db.scalars(select(Solution)).first()
        assert solution
        db.execute(
            text(
                "INSERT INTO task (project_id, solution_id, generation, priority)"
                " SELECT :project, :solution, n, random() FROM generate_series(1, 20000) n"
            ),
            {"project": project, "solution": solution.id},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE task"))
    values = {
        "project": project,
        "user": users[0],
        "state": "leased",
        "mode": "first_error",
        "instructions": 0,
        "reference": False,
    }
    values |= {"until": now(), "now": now()}
    with engine.connect() as connection:
        plan = "\n".join(connection.scalars(text("EXPLAIN ANALYZE " + claim_sql.CLAIM_TASK.text), values))
    assert "ix_task_waiting" in plan
    assert "Sort" not in plan
    assert "Seq Scan on task" not in plan
