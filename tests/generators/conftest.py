"""A real server process, and projects with problems and generators to ask it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.run_lifecycle import start_attempt
from app.generators import generators, process, runs
from app.generators.config import parse
from app.generators.generators import GeneratorInput
from app.generators.models import Generator, SamplingRun
from app.projects.models import Project
from tests.factories import base as factories

QUICK = {
    "backoff_s": 0.02,
    "timeout_s": 5.0,
    "endpoint": "completions",
    "concurrency": 4,
    "samples_per_request": 3,
}


@dataclass
class Server:
    url: str
    log: Path

    def seen(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture(scope="session")
def server_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("server") / "requests.jsonl"
    command = [sys.executable, str(Path(__file__).with_name("fake_openai_server.py")), str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1", log
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def api(server_process: tuple[str, Path]) -> Server:
    """The server; its log is this test's own."""
    url, log = server_process
    log.unlink(missing_ok=True)
    return Server(url, log)


def generator(db: Session, project: Project, api: Server, model: str = "steady", **config: Any) -> Generator:
    wanted = GeneratorInput(name=f"{model} {config.pop('called', '')}".strip(), model=model, base_url=api.url)
    api_key_env = config.pop("api_key_env", "")
    wanted = GeneratorInput(wanted.name, "openai", model, api.url, api_key_env)
    return generators.create_generator(db, project, wanted, parse({**QUICK, **config}), None)


def sums(db: Session, project: Project, count: int = 4, **values: Any) -> list[Any]:
    """Problems that the server knows the answer of."""
    return [
        factories.problem(db, project, f"What is {n} + {n + 1}?", str(2 * n + 1), **values)
        for n in range(1, count + 1)
    ]


def started(generator_id: int, purpose: str = "pool", **config: Any) -> int:
    with transaction() as db:
        return runs.start(db, db.get_one(Generator, generator_id), purpose, config, None).id


def done(generator_id: int, purpose: str = "pool", **config: Any) -> SamplingRun:
    """The run after its work, done here and not in a process of its own."""
    return gone_on(started(generator_id, purpose, **config))


def gone_on(run_id: int) -> SamplingRun:
    with transaction() as db:
        attempt = start_attempt(db, run_id, SamplingRun)
        assert attempt
    process.run_sampling(run_id, attempt.fence, threading.Event(), patient=True)
    return row(run_id)


def row(run_id: int) -> SamplingRun:
    with transaction() as db:
        return db.get_one(SamplingRun, run_id)
