"""The generations of the demo: exact ratings by the rules of the desk, and real rounds."""

from __future__ import annotations

import datetime as dt
import time
import uuid

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.run_lifecycle import ACTIVE
from app.core.supervisor import Child, Supervisor, stepmark_command
from app.labeling import assignments, claims, initial_queue
from app.labeling.models import Assignment, Task
from app.labeling.rating_events import RatingEventData
from app.problems.models import Problem, Solution
from app.projects.models import Project
from app.runs import actions
from app.selection import rounds
from app.selection.config import RoundConfig
from app.selection.models import Round
from app.world.demo_data.world import Digits
from app.world.kinds.base import PosedProblem, up_to_first_error

JUDGE = "The world's judge"
"""Name of the user whose labels are exact."""
WORLD = Digits()


def label_generation(project: Project, initial_labels: int, number: int = 0) -> None:
    """Claim, rate and submit the tasks of generation `number` one by one. Generation 0 is queued here, at
    random. No active time is recorded."""
    with transaction() as db:
        judge = db.scalar(select(User).where(User.name == JUDGE, User.email.is_(None)))
        if judge is None:
            db.add(judge := User(name=JUDGE))
        queued = db.scalar(select(func.count()).select_from(Task).where(Task.project_id == project.id))
        if not queued:
            initial_queue.insert_initial_tasks(db, project, initial_labels, ("train", "validation"))
        is_current = count_rounds(db, project) == number
    while is_current:
        with transaction() as db:
            now = dt.datetime.now(dt.UTC)
            assignment = claims.claim_assignment(db, project, judge, now)
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


def count_rounds(db: Session, project: Project) -> int:
    finished = select(func.count()).select_from(Round)
    finished = finished.where(Round.project_id == project.id, Round.state == "succeeded")
    return db.scalar(finished) or 0


def run_round(project: Project, config: RoundConfig, number: int) -> None:
    """Run the round after generation `number` with a worker that ends with it."""
    with transaction() as db:
        if count_rounds(db, project) > number:
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
                typer.echo(f"Round: {stage} ... {time.monotonic() - start:.0f} s", err=True)
        if round_.state not in ACTIVE:
            break
        time.sleep(0.3)
    if round_.state != "succeeded":
        raise DomainError(
            f"The demo's round {round_.state}: {round_.error}", remedy="Run stepmark demo again."
        )
    typer.echo(f"{round_.queued} solutions queued as generation {round_.generation}.", err=True)
