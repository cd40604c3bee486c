"""`stepmark demo`: a project after two rounds of the loop. The problems, solutions and small language model
of app.world.demo_data are imported. Exact ratings label the queue by the rules of the desk, and real rounds
train PRMs and queue generations 1 and 2. Generation 2 is left for the user. Run again, the demo continues
with what is missing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from app.core.startup import ready_database
from app.demo.demo_data import import_problems, install_writer, writer_folder
from app.demo.generations import label_generation, run_round
from app.demo.people import create_users, get_or_create_project
from app.selection.config import RoundConfig, parse
from app.settings import settings

ROUNDS = 2


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
        with timed_step(f"Generation {number}, labeled exactly"):
            label_generation(project, demo_size.labeled, number)
        run_round(project, build_round_config(demo_size), number)
    typer.echo(f"The demo is ready ({time.monotonic() - start:.0f} s).", err=True)
    return logins


@contextmanager
def timed_step(title: str) -> Iterator[None]:
    start = time.monotonic()
    typer.echo(f"{title} ...", err=True, nl=False)
    yield
    typer.echo(f" {time.monotonic() - start:.0f} s", err=True)


def build_round_config(demo_size: DemoSize) -> RoundConfig:
    """Every PRM starts from the writer."""
    return parse({**demo_size.round, "train": {"base": str(writer_folder()), **demo_size.round["train"]}})
