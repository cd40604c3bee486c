"""`stepmark demo`: a project that has been twice around the loop. Problems and solutions come
from app.world, go in through the importer, are labeled by the world's exact judge through the
desk's own rules, and real rounds train a small PRM each and queue generations 1 and 2. The last
one waits for the newcomer. Started again, it goes on from what is there: every part looks first
whether it was done."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.children import Child, Children, stepmark
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.startup import ready_database
from app.labeling import filling, queue, session
from app.labeling.events import Event
from app.labeling.models import Assignment, Task
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.selection import rounds
from app.selection.config import RoundConfig, parse
from app.selection.models import Round
from app.settings import settings
from app.world.judge import judge
from app.world.pool import world
from app.world.problem import Problem as WorldProblem

NAME = "Demo"
PEOPLE = {
    "admin": "admin@demo.example",
    "researcher": "researcher@demo.example",
    "labeler": "labeler@demo.example",
}
JUDGE = "The world's judge"
ROUNDS = 2
INSTRUCTIONS = (
    "Rate each step. Great: right, easy to check, and it moves the solution on. Okay: right, but it only "
    "repeats what is known. Bad: a false sum, the wrong quantity, or a misread sentence. The first bad step "
    "ends the solution. The solutions were written by reasoners that misread, mix up and slip, as people do."
)


@dataclass(frozen=True)
class Size:
    problems: int
    labeled: int
    round: RoundConfig


def size(fast: bool) -> Size:
    """A model of two layers, trained for well under a minute: enough to choose, not to trust."""
    train = {
        "size": "tiny",
        "vocabulary": 512,
        "max_length": 512,
        "epochs": 1.0 if fast else 3.0,
        "solutions_per_step": 16,
        "learning_rate": 3e-3,
        "device": "cpu",
    }
    policy = {"size": 40 if fast else 120, "per_problem": 2}
    return Size(80 if fast else 240, 120 if fast else 480, parse({"policy": policy, "train": train}))


def demo(host: str | None = None, port: int | None = None, *, fast: bool = False) -> None:
    """Prepare what is missing, then serve like `stepmark up`, until Ctrl-C."""
    from app.up import refuse_taken, serve

    host, port = host or settings().host, settings().port if port is None else port
    refuse_taken(host, port)
    with ready_database():
        logins = prepare(size(fast))
        serve(host, port, logins=logins)


def prepare(wanted: Size) -> list[tuple[str, str]]:
    """The project with generations 0 and 1 labeled and generation 2 waiting; gives the logins."""
    start = time.monotonic()
    logins = people()
    project = the_project()
    with step("Problems and solutions"):
        bring_in(project, wanted)
    for number in range(ROUNDS):
        with step(f"Generation {number}, labeled by the world's judge"):
            label(project, wanted, number)
        turn(project, wanted.round, number)
    typer.echo(f"The demo is ready ({time.monotonic() - start:.0f} s).", err=True)
    return logins


@contextmanager
def step(words: str) -> Iterator[None]:
    start = time.monotonic()
    typer.echo(f"{words} ...", err=True, nl=False)
    yield
    typer.echo(f" {time.monotonic() - start:.0f} s", err=True)


def people() -> list[tuple[str, str]]:
    """One user a role. Their passwords are made once and kept, readable by the owner only, so
    that a second start can print them again; a demo is no place for data that matters."""
    kept = settings().home / "demo-logins.json"
    known: dict[str, str] = orjson.loads(kept.read_bytes()) if kept.exists() else {}
    passwords = {email: known.get(email) or secrets.token_urlsafe(9) for email in PEOPLE.values()}
    _keep(kept, orjson.dumps(passwords))
    from app.accounts import people as accounts

    with transaction() as db:
        for role, email in PEOPLE.items():
            accounts.ensure(db, email, passwords[email], name=f"Demo {role}", is_admin=role == "admin")
    return list(passwords.items())


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def bring_in(project: Project, wanted: Size) -> None:
    """The world as Stepmark JSON Lines, through the importer and the grader like any file."""
    from app.exchange import importer
    from app.problems import grading

    path = settings().home / "demo-world.jsonl"
    _keep(path, b"".join(lines(wanted.problems)))
    with transaction() as db:
        there = db.scalar(select(func.count()).select_from(Solution).where(Solution.project_id == project.id))
        begun = None if there else importer.begin(db, project, path, format="stepmark")
    if begun is not None:
        done = importer.run(begun.id)
        if done.state != "succeeded":
            raise DomainError(
                f"The demo's data did not go in: {done.error}", remedy="See import 1 in the browser."
            )
    grading.grade_waiting(project.id)


def lines(problems: int) -> Iterator[bytes]:
    for entry in world(problems):
        told = entry.problem
        yield orjson.dumps(
            {
                "kind": "problem",
                "id": told.name,
                "statement": told.statement,
                "answer": str(told.answer),
                "subject": told.family,
                "level": told.level,
                "split": entry.split,
                "source": "stepmark world",
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for made in entry.solutions:
            yield orjson.dumps(
                {
                    "kind": "solution",
                    "id": made.name,
                    "problem": told.name,
                    "generator": made.generator,
                    "steps": made.steps,
                    "answer": made.answer,
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )


def rounds_done(db: Session, project: Project) -> int:
    ended = select(func.count()).where(Round.project_id == project.id, Round.state == "succeeded")
    return db.scalar(ended) or 0


def label(project: Project, wanted: Size, number: int = 0) -> None:
    """What waits as generation `number` (0 is queued here, by chance), claimed, rated and submitted
    one by one. Nobody spent the time, so none is claimed."""
    truth = {entry.problem.name: entry.problem for entry in world(wanted.problems)}
    with transaction() as db:
        who = db.scalar(select(User).where(User.name == JUDGE, User.email.is_(None)))
        if who is None:
            db.add(who := User(name=JUDGE))
        queued = db.scalar(select(func.count()).select_from(Task).where(Task.project_id == project.id))
        if not queued:
            filling.fill_first(db, project, wanted.labeled)
        waits = rounds_done(db, project) == number
    while waits:
        with transaction() as db:
            now = dt.datetime.now(dt.UTC)
            assignment = queue.claim(db, project, who, now)
            if assignment is None:
                return
            rate(db, project, assignment, truth, now)


def rate(
    db: Session, project: Project, assignment: Assignment, truth: dict[str, WorldProblem], now: dt.datetime
) -> None:
    found = db.execute(
        select(Solution.steps, Problem.external_id)
        .join(Problem, Problem.id == Solution.problem_id)
        .join(Task, Task.solution_id == Solution.id)
        .where(Task.id == assignment.task_id)
    ).one()
    ratings = judge(truth[found.external_id], found.steps)
    if -1 in ratings:
        ratings = ratings[: ratings.index(-1) + 1]
    events = [
        Event(uuid.uuid4(), position, 0, rating, None, 0, now) for position, rating in enumerate(ratings)
    ]
    saved = session.record(db, project, assignment, events, now)
    if saved.refusal:
        raise saved.refusal
    session.submit(db, project, assignment, "found_error" if -1 in ratings else "solution", "", 0, now)


def turn(project: Project, config: RoundConfig, number: int) -> None:
    """The round after generation `number`, by a worker of its own that ends with it."""
    with transaction() as db:
        if rounds_done(db, project) > number:
            return
        round_ = rounds.latest(db, project.id)
        if round_ is None or round_.state == "succeeded":
            round_ = rounds.start(db, project, config, None)
        elif round_.state not in rounds.ACTIVE:
            rounds.resume(db, round_, None)
    worker = Children([Child("worker", stepmark("worker"))])
    try:
        _watch(project, round_.id, worker)
    finally:
        worker.stop()


def _watch(project: Project, round_id: int, worker: Children) -> None:
    stage, start = "", time.monotonic()
    while True:
        for line in worker.look():
            typer.echo(line, err=True)
        with transaction() as db:
            round_ = rounds.find(db, project.id, round_id)
            if round_.stage != stage:
                stage = round_.stage
                typer.echo(f"A round: {stage} ... {time.monotonic() - start:.0f} s", err=True)
        if round_.state not in rounds.ACTIVE:
            break
        time.sleep(0.3)
    if round_.state != "succeeded":
        raise DomainError(
            f"The demo's round {round_.state}: {round_.error}", remedy="Run stepmark demo again."
        )
    typer.echo(f"{round_.made['queued']} solutions wait as generation {round_.generation}.", err=True)


def the_project() -> Project:
    with transaction() as db:
        found = db.scalar(select(Project).where(Project.name == NAME))
        if found is None:
            db.add(found := Project(name=NAME, slug="demo", instructions=INSTRUCTIONS))
            db.flush()
        _members(db, found)
    return found


def _members(db: Session, project: Project) -> None:
    from app.projects.models import Membership

    for role, email in PEOPLE.items():
        who = db.scalars(select(User).where(func.lower(User.email) == email)).one()
        if db.get(Membership, (project.id, who.id)) is None:
            db.add(Membership(project_id=project.id, user_id=who.id, role=role))
