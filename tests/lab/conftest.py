"""A tiny model that judges, a server that generates, and projects with both."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from app.core.db import transaction
from app.core.run_lifecycle import start_attempt
from app.lab import process, runs
from app.lab.models import SearchRun
from app.problems.models import Problem
from app.settings import settings
from app.training.models import Model
from tests.factories import base as factories
from tests.factories.training import TINY
from tests.generators.conftest import Server, api, generator, server_process, sums

__all__ = ["api", "server_process"]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny PRM's folder, made once."""
    from app.prm.config import TrainConfig
    from app.prm.examples import Example
    from app.prm.train import train

    examples = [Example(f"What is {n} + 1?", ["We add.", f"{n} + 1 = {n + 1}"], [1, 1]) for n in range(8)]
    config = TrainConfig.parse({**TINY, "max_length": 128, "epochs": 1.0, "checkpoint_seconds": 3600.0})
    result = train(
        config, examples, tmp_path_factory.mktemp("run"), lambda progress: None, lambda: None, "ab" * 32
    )
    assert result.published is not None
    return result.published


class Lab:
    """A project, committed, with problems, a model and a generator."""

    def __init__(self, weights: Path, server: Server) -> None:
        settings().models_dir.mkdir(parents=True, exist_ok=True)
        (settings().models_dir / "tiny").symlink_to(weights)
        self.server = server
        with transaction() as db:
            project = factories.project(db, "Lab")
            self.project = project.id
            self.problems = [problem.id for problem in sums(db, project, 6, split="validation")]
            model = Model(
                project_id=project.id, name="tiny", path="tiny", weights_hash=b"1", config={}, metrics={}
            )
            db.add(model)
            db.flush()
            self.model = model.id
            self.generator = self.add(db, project, "steady")

    def add(self, db: Any, project: Any, model: str, **config: Any) -> int:
        return generator(db, project, self.server, model, **config).id

    def other(self, model: str, **config: Any) -> int:
        with transaction() as db:
            from app.projects.models import Project

            return self.add(db, db.get_one(Project, self.project), model, **config)

    def start(self, *, watched: bool = True, generator: int = 0, **config: Any) -> int:
        with transaction() as db:
            return runs.start(
                db,
                self.project,
                model_id=self.model,
                generator_id=generator or self.generator,
                config=config,
                user=None,
                problem_id=self.problems[0] if watched else None,
            ).id

    def search(self, run_id: int) -> SearchRun:
        """Its work, done here and not in a process of its own."""
        with transaction() as db:
            attempt = start_attempt(db, run_id, SearchRun)
            assert attempt
        process.run_search_process(run_id, attempt.fence, threading.Event())
        return self.row(run_id)

    def row(self, run_id: int) -> SearchRun:
        with transaction() as db:
            return db.get_one(SearchRun, run_id)

    def problem(self) -> Problem:
        with transaction() as db:
            return db.get_one(Problem, self.problems[0])


@pytest.fixture
def lab(database: str, home: Path, weights: Path, api: Server) -> Lab:
    return Lab(weights, api)
