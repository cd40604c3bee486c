"""Who gets what next: the rules of the queue, one at a time."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.labeling import claims
from app.labeling.initial_queue import count_queue, insert_initial_tasks
from app.labeling.models import Assignment, Task
from app.main import create_app
from tests.factories import base as factories

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=2)


def pool(db: Session, tasks: int = 3, **values: object):  # type: ignore[no-untyped-def]
    project = factories.project(db)
    solutions = [
        factories.task(db, factories.solution(db, factories.problem(db, project)), **values)
        for _ in range(tasks)
    ]
    return project, solutions


def held(db: Session, project, who, now=NOW) -> int | None:  # type: ignore[no-untyped-def]
    got = claims.claim_assignment(db, project, who, now)
    return got.task_id if got else None


def taken(db: Session, task: Task) -> int:
    return db.scalar(select(Task.assigned_count).where(Task.id == task.id)) or 0


def test_the_most_urgent_first_then_the_oldest(db: Session) -> None:
    project, tasks = pool(db)
    tasks[2].priority = 5
    db.flush()
    people = [factories.member(db, project) for _ in range(4)]
    assert [held(db, project, who) for who in people] == [tasks[2].id, tasks[0].id, tasks[1].id, None]
    assert [taken(db, task) for task in tasks] == [1, 1, 1]


def test_asking_again_gives_the_same(db: Session) -> None:
    project, tasks = pool(db)
    who = factories.member(db, project)
    assert held(db, project, who) == held(db, project, who) == tasks[0].id
    assert taken(db, tasks[0]) == 1


def test_overlap_goes_to_different_people(db: Session) -> None:
    project, (task,) = pool(db, 1, overlap=2)
    people = [factories.member(db, project) for _ in range(3)]
    assert [held(db, project, who) for who in people] == [task.id, task.id, None]
    assert taken(db, task) == 2


def test_a_lease_that_ran_out_is_free_for_others_at_once(db: Session) -> None:
    project, (task,) = pool(db, 1)
    slow, other = factories.member(db, project), factories.member(db, project)
    lost = claims.claim_assignment(db, project, slow, NOW)
    assert held(db, project, other, NOW + dt.timedelta(minutes=59)) is None
    assert held(db, project, other, NOW + dt.timedelta(minutes=60)) == task.id
    db.refresh(lost)
    assert (lost.state, lost.lease_expires_at, taken(db, task)) == ("expired", None, 1)


def test_an_expired_lease_is_taken_up_again_as_the_same_assignment(db: Session) -> None:
    project, (task,) = pool(db, 1)
    who = factories.member(db, project)
    first = claims.claim_assignment(db, project, who, NOW)
    again = claims.claim_assignment(db, project, who, LATER)
    assert first
    assert again
    assert (again.id, again.state, taken(db, task)) == (first.id, "leased", 1)


def test_a_submitted_task_does_not_come_back_to_its_labeler(db: Session) -> None:
    project, (task,) = pool(db, 1, overlap=2)
    who = factories.member(db, project)
    done = claims.claim_assignment(db, project, who, NOW)
    assert done
    done.state, done.finish_reason, done.submitted_at = "submitted", "solution", NOW
    done.lease_expires_at = None
    db.flush()
    assert held(db, project, who) is None
    assert held(db, project, factories.member(db, project)) == task.id


def test_the_prefetched_one_comes_next_and_goes_back_silently(db: Session) -> None:
    project, tasks = pool(db)
    who, other = factories.member(db, project), factories.member(db, project)
    on_screen = claims.claim_assignment(db, project, who, NOW)
    following = claims.prefetch_assignment(db, project, who, NOW)
    assert on_screen
    assert following
    assert (on_screen.task_id, following.task_id) == (tasks[0].id, tasks[1].id)
    assert claims.prefetch_assignment(db, project, who, NOW).id == following.id  # type: ignore[union-attr]
    assert held(db, project, other) == tasks[2].id
    claims.release_assignment(db, on_screen)
    assert claims.claim_assignment(db, project, who, NOW).id == following.id  # type: ignore[union-attr]

    third = factories.member(db, project)
    spare = claims.prefetch_assignment(db, project, third, NOW)
    assert spare
    assert spare.task_id == tasks[0].id
    assert held(db, project, factories.member(db, project), NOW + claims.RESERVATION_TIME) == tasks[0].id
    db.refresh(spare)
    assert spare.state == "expired"


def test_taking_a_lost_lease_again(db: Session) -> None:
    project, (task,) = pool(db, 1)
    who, other = factories.member(db, project), factories.member(db, project)
    lost = claims.claim_assignment(db, project, who, NOW)
    assert lost
    again = claims.reclaim_assignment(db, project, who, lost, LATER)
    assert again
    assert (again.id, again.state, taken(db, task)) == (lost.id, "leased", 1)
    claims.release_assignment(db, again)
    assert held(db, project, other, LATER) == task.id
    assert claims.reclaim_assignment(db, project, who, again, LATER) is None
    assert taken(db, task) == 1


def test_withdrawn_tasks_never_come(db: Session) -> None:
    project, tasks = pool(db, 1)
    tasks[0].withdrawn_at = NOW
    db.flush()
    assert held(db, project, factories.member(db, project)) is None


def test_a_test_problem_is_never_queued(db: Session) -> None:
    project, _ = pool(db, 1)
    hidden = factories.solution(db, factories.problem(db, project, split="test"))
    with pytest.raises(IntegrityError, match="test"), db.begin_nested():
        factories.task(db, hidden)


def test_filling_takes_one_of_each_problem_first_and_no_test_problem(db: Session) -> None:
    project = factories.project(db, overlap=2)
    problems = [factories.problem(db, project) for _ in range(3)]
    hidden = factories.problem(db, project, split="test")
    for problem in (*problems, hidden):
        for _ in range(4):
            factories.solution(db, problem)
    assert insert_initial_tasks(db, project, limit=3) == 3
    first = db.scalars(select(Task).where(Task.project_id == project.id).order_by(Task.priority.desc())).all()
    assert {task.solution.problem_id for task in first} == {problem.id for problem in problems}
    assert {(task.generation, task.overlap, task.reason["strategy"]) for task in first} == {(0, 2, "first")}
    assert insert_initial_tasks(db, project) == 9
    assert insert_initial_tasks(db, project) == 0
    assert count_queue(db, project.id) == {"waiting": 12, "in_progress": 0, "submitted": 0, "unqueued": 0}


def test_no_two_leases_for_one_labeler_even_by_hand(db: Session) -> None:
    """The unique constraints behind the rule: a claim that meets one answers, never fails."""
    project, tasks = pool(db, 2)
    who = factories.member(db, project)
    db.add(
        Assignment(
            project_id=project.id,
            task_id=tasks[1].id,
            user_id=who.id,
            state="leased",
            lease_expires_at=NOW + dt.timedelta(minutes=5),
        )
    )
    db.flush()
    assert claims._claim_next_task(db, project, who, "leased", LATER, NOW) is None
    assert taken(db, tasks[0]) == 0
    assert db.scalar(select(func.count()).select_from(Assignment).where(Assignment.user_id == who.id)) == 1


def test_validation_problems_are_queued_on_request_only(db: Session) -> None:
    project = factories.project(db)
    solutions = {
        split: factories.solution(db, factories.problem(db, project, f"A {split} problem?", split=split))
        for split in ("train", "validation", "test")
    }
    queued = select(Task.solution_id).where(Task.project_id == project.id).order_by(Task.id)
    assert insert_initial_tasks(db, project) == 1
    assert db.scalars(queued).all() == [solutions["train"].id]
    assert count_queue(db, project.id)["unqueued"] == 0
    assert insert_initial_tasks(db, project, splits=("validation", "test")) == 1
    assert db.scalars(queued).all() == [solutions["train"].id, solutions["validation"].id]


@pytest.mark.usefixtures("home")
def test_the_command_and_the_api_take_the_splits(database: str) -> None:
    with transaction() as db:
        project = factories.project(db, "Splits")
        for split in ("train", "validation"):
            factories.solution(db, factories.problem(db, project, f"A {split} problem?", split=split))
        researcher = factories.member(db, project, "researcher")
    command = ["queue", "fill", "--project", "splits"]
    for arguments, output in (
        ([], "1 solutions queued"),
        ([], "0 solutions"),
        (["--split", "validation"], "1"),
    ):
        done = CliRunner().invoke(cli, [*command, *arguments], catch_exceptions=False)
        assert output in done.output
    assert CliRunner().invoke(cli, [*command, "--split", "test"]).exit_code == 2
    with TestClient(create_app(), headers={"Sec-Fetch-Site": "same-origin"}) as web:
        with transaction() as db:
            factories.sign_in(web, db, researcher)
        address = "/api/v1/projects/splits/queue"
        assert web.post(address, json={"splits": ["test"]}).status_code == 422
        assert web.post(address, json={"splits": ["train", "validation"]}).json()["queued"] == 0
