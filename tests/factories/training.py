"""A project with labels enough to train a tiny model on, committed, and processes to do it."""

from __future__ import annotations

import os
import random

from sqlalchemy import select

from app.core.db import transaction
from app.training import runs
from app.training.models import TrainingRun
from tests.factories import base as factories
from tests.factories import selection as loop

TINY = {
    "size": "tiny",
    "vocabulary": 400,
    "max_length": 64,
    "batch_size": 4,
    "checkpoint_seconds": 0.0,
    "device": "cpu",
    "threads": 1,
}
WORDS = {1: "that is right", 0: "so so", -1: "that is wrong"}


def labeled_project(problems: int = 20) -> int:
    """Its id. A solution a problem, its ratings to be read off its words."""
    rng = random.Random(0)  # noqa: S311  # data for a test
    with transaction() as db:
        project = factories.project(db)
        who = factories.member(db, project)
        for n in range(problems):
            ratings = [1, rng.choice([0, 1]), rng.choice([1, -1])]
            steps = tuple(f"{rng.randint(1, 99)} {WORDS[rating]}" for rating in ratings)
            problem = factories.problem(db, project, f"Problem number {n}?")
            loop.labeled(db, factories.task(db, factories.solution(db, problem, steps)), who, ratings)
        return project.id


def queued_run(**config: object) -> int:
    project_id = labeled_project()
    with transaction() as db:
        return runs.start_with(db, project_id, {}, {**TINY, **config}, None).id


def row(run_id: int) -> TrainingRun:
    with transaction() as db:
        return db.scalars(select(TrainingRun).where(TrainingRun.id == run_id)).one()


def open_null_device() -> int:
    """A descriptor where a device lock would be."""
    return os.open(os.devnull, os.O_RDONLY)
