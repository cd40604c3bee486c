"""`stepmark demo`: a project after two rounds of the loop. The problems, solutions and small language model
of app.world.demo_data are imported. Exact ratings label the queue by the rules of the desk, and real rounds
train PRMs and queue generations 1 and 2. Generation 2 is left for the user. Run again, the demo continues
with what is missing."""

from __future__ import annotations

import datetime as dt
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.run_lifecycle import ACTIVE
from app.core.startup import ready_database
from app.core.supervisor import Child, Supervisor, stepmark_command
from app.demo.demo_data import import_problems, install_writer, write_private, writer_folder
from app.labeling import assignments, claims, initial_queue
from app.labeling.models import Assignment, Task
from app.labeling.rating_events import RatingEventData
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.runs import actions
from app.selection import rounds
from app.selection.config import RoundConfig, parse
from app.selection.models import Round
from app.settings import settings
from app.world.demo_data.world import Digits
from app.world.kinds.base import PosedProblem, up_to_first_error

NAME = "Demo"
PEOPLE = {
    "admin": "admin@demo.example",
    "researcher": "researcher@demo.example",
    "labeler": "labeler@demo.example",
}
JUDGE = "The world's judge"
ROUNDS = 2
WORLD = Digits()
INSTRUCTIONS = """\
Each problem is a sum, done from left to right. **Only the last digit counts**: 7 ×3 is 21, so 1.
Below zero, add ten: 3 -8 is -5, so 5.

| A step | says |
| --- | --- |
| `7 ×3 = 1` | the next operation, done with the digit we have |
| `so 1` | the digit we have, once more |
| `answer 1` | the final answer |

- *Positive*: the digit we have, the next operation, the correct result. Or the correct answer at the end.
- *Neutral*: `so 1`, where we have 1. It is true, and no progress.
- *Negative*: anything in the step is wrong, or an operation was left out.

The solutions were written by a small language model whose books had misprints in the times table.
"""


@dataclass(frozen=True)
class DemoSize:
    every: int
    """Every first, second or third ... problem."""
    labeled: int
    round: dict[str, Any]


def demo_size_of(fast: bool) -> DemoSize:
    """One core is enough for a small model and leaves the others free."""
    train = {
        "max_length": 128,
        "epochs": 8.0,
        "batch_size": 32,
        "group_by": "none",
        "learning_rate": 2e-3,
        "device": "cpu",
        "threads": 1,
    }
    round_config = {
        "policy": {"size": 40 if fast else 120, "per_problem": 2},
        "train": train,
        "score": {"device": "cpu", "threads": 1},
    }
    return DemoSize(3 if fast else 1, 120 if fast else 320, round_config)


def run_demo(host: str | None = None, port: int | None = None, *, fast: bool = False) -> None:
    """Prepare what is missing, then serve like `stepmark up` until Ctrl-C."""
    from app.up import serve, wait_for_port

    host, port = host or settings().host, settings().port if port is None else port
    wait_for_port(host, port)
    with ready_database():
        logins = prepare_demo(demo_size_of(fast))
        serve(host, port, logins=logins)


def prepare_demo(demo_size: DemoSize) -> list[tuple[str, str]]:
    """Prepare the project: generations 0 and 1 labeled, generation 2 queued. Returns the logins."""
    start = time.monotonic()
    logins = create_users()
    project = get_or_create_project()
    with timed_step("Problems and solutions"):
        install_writer(project)
        import_problems(project, demo_size.every)
    for number in range(ROUNDS):
        with timed_step(f"Generation {number}, labeled by the world's judge"):
            label_generation(project, demo_size, number)
        run_round(project, build_round_config(demo_size), number)
    typer.echo(f"The demo is ready ({time.monotonic() - start:.0f} s).", err=True)
    return logins


@contextmanager
def timed_step(title: str) -> Iterator[None]:
    start = time.monotonic()
    typer.echo(f"{title} ...", err=True, nl=False)
    yield
    typer.echo(f" {time.monotonic() - start:.0f} s", err=True)


def create_users() -> list[tuple[str, str]]:
    """One user per role. Passwords are created once and stored, readable by the owner only, so that a second
    start can print them again. A demo is no place for sensitive data."""
    path = settings().home / "demo-logins.json"
    stored: dict[str, str] = orjson.loads(path.read_bytes()) if path.exists() else {}
    passwords = {email: stored.get(email) or secrets.token_urlsafe(9) for email in PEOPLE.values()}
    write_private(path, orjson.dumps(passwords))
    from app.accounts import users as accounts

    with transaction() as db:
        for role, email in PEOPLE.items():
            accounts.upsert_user(db, email, passwords[email], name=f"Demo {role}", is_admin=role == "admin")
    return list(passwords.items())


def build_round_config(demo_size: DemoSize) -> RoundConfig:
    """Every PRM starts from the writer."""
    return parse({**demo_size.round, "train": {"base": str(writer_folder()), **demo_size.round["train"]}})


def rounds_done(db: Session, project: Project) -> int:
    finished = select(func.count()).select_from(Round)
    finished = finished.where(Round.project_id == project.id, Round.state == "succeeded")
    return db.scalar(finished) or 0


def label_generation(project: Project, demo_size: DemoSize, number: int = 0) -> None:
    """Claim, rate and submit the tasks of generation `number` one by one. Generation 0 is queued here, at
    random. No active time is recorded."""
    with transaction() as db:
        who = db.scalar(select(User).where(User.name == JUDGE, User.email.is_(None)))
        if who is None:
            db.add(who := User(name=JUDGE))
        queued = db.scalar(select(func.count()).select_from(Task).where(Task.project_id == project.id))
        if not queued:
            initial_queue.insert_initial_tasks(db, project, demo_size.labeled)
        waits = rounds_done(db, project) == number
    while waits:
        with transaction() as db:
            now = dt.datetime.now(dt.UTC)
            assignment = claims.claim_assignment(db, project, who, now)
            if assignment is None:
                return
            submit_ratings(db, project, assignment, now)


def submit_ratings(db: Session, project: Project, assignment: Assignment, now: dt.datetime) -> None:
    row = db.execute(
        select(Solution.steps, Problem.statement, Problem.reference_answer)
        .join(Problem, Problem.id == Solution.problem_id)
        .join(Task, Task.solution_id == Solution.id)
        .where(Task.id == assignment.task_id)
    ).one()
    ratings = up_to_first_error(WORLD.rate(PosedProblem(row.statement, row.reference_answer), row.steps))
    events = [
        RatingEventData(uuid.uuid4(), position, 0, rating, None, 0, now)
        for position, rating in enumerate(ratings)
    ]
    saved = assignments.record_events(db, project, assignment, events, now)
    if saved.refusal:
        raise saved.refusal
    assignments.submit_assignment(
        db, project, assignment, "found_error" if -1 in ratings else "solution", "", 0, now
    )


def run_round(project: Project, config: RoundConfig, number: int) -> None:
    """Run the round after generation `number` with a worker that ends with it."""
    with transaction() as db:
        if rounds_done(db, project) > number:
            return
        round_ = rounds.latest(db, project.id)
        if round_ is None or round_.state == "succeeded":
            round_ = rounds.start(db, project, config, None)
        elif round_.state not in ACTIVE:
            actions.resume_run(db, round_, None)
    worker = Supervisor([Child("worker", stepmark_command("worker"))])
    try:
        _wait_for_round(project, round_.id, worker)
    finally:
        worker.stop()


def _wait_for_round(project: Project, round_id: int, worker: Supervisor) -> None:
    stage, start = "", time.monotonic()
    while True:
        for line in worker.restart_due():
            typer.echo(line, err=True)
        with transaction() as db:
            round_ = rounds.find(db, project.id, round_id)
            if round_.stage != stage:
                stage = round_.stage
                typer.echo(f"A round: {stage} ... {time.monotonic() - start:.0f} s", err=True)
        if round_.state not in ACTIVE:
            break
        time.sleep(0.3)
    if round_.state != "succeeded":
        raise DomainError(
            f"The demo's round {round_.state}: {round_.error}", remedy="Run stepmark demo again."
        )
    typer.echo(f"{round_.queued} solutions wait as generation {round_.generation}.", err=True)


def get_or_create_project() -> Project:
    from app.projects import projects

    with transaction() as db:
        project = db.scalar(select(Project).where(Project.name == NAME))
        if project is None:
            project = projects.create_project(db, NAME, "first_error", None, instructions=INSTRUCTIONS)
        _add_members(db, project)
    return project


def _add_members(db: Session, project: Project) -> None:
    from app.projects.models import Membership

    for role, email in PEOPLE.items():
        who = db.scalars(select(User).where(func.lower(User.email) == email)).one()
        if db.get(Membership, (project.id, who.id)) is None:
            db.add(Membership(project_id=project.id, user_id=who.id, role=role))
