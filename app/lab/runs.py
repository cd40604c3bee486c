"""Searches: validation and start. app/core/run_lifecycle.py has their lifecycle."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import create_run, get_run, lock_attempt, record_success
from app.generators import generators
from app.generators.config import parse as parse_generator
from app.generators.kinds import KINDS
from app.generators.models import Generator
from app.lab.config import needs_continuations, parse_search, parse_sweep
from app.lab.models import SearchRun
from app.problems.models import Problem
from app.runs import actions
from app.training import queries


class SearchKind(RunKind[SearchRun]):
    name = "search"
    label = "Search"
    noun = "search"
    table = SearchRun
    process = "app.lab.process"
    page = "/lab/searches/{id}"
    queue = "scoring"

    def validate(self, db: Session, run: SearchRun) -> None:
        queries.get_model(db, run.project_id, run.model_id)
        generator = generators.get_generator(db, run.project_id, run.generator_id)
        if run.problem_id is not None:
            _problem(db, run.project_id, run.problem_id)
        parsed = parse_sweep(run.config) if run.problem_id is None else parse_search(run.config)
        _in_use(generator, needs_continuations(parsed))
        run.config = parsed.to_json()


KIND = register(SearchKind())


def start(
    db: Session,
    project_id: int,
    *,
    model_id: int,
    generator_id: int,
    config: dict[str, Any],
    user: User | None,
    problem_id: int | None = None,
) -> SearchRun:
    """Queue a search of one problem, or a budget sweep if `problem_id` is None."""
    run = SearchRun(project_id=project_id, config=config, created_by=user.id if user else None)
    run.model_id, run.generator_id, run.problem_id = model_id, generator_id, problem_id
    create_run(db, run)
    actions.record_start(db, run, user)
    return run


def _problem(db: Session, project_id: int, problem_id: int) -> Problem:
    problem = db.get(Problem, problem_id) if 0 < problem_id < 2**62 else None
    if problem is None or problem.project_id != project_id:
        raise NotFound("Problem not found.")
    return problem


def _in_use(generator: Generator, goes_on: bool) -> None:
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is retired.", remedy="Choose an active generator.")
    config = parse_generator(generator.config)
    if goes_on and not KINDS[generator.kind].supports_continuations(config):
        raise Invalid(
            f"{generator.name} does not support continuations.",
            remedy="Use a completions endpoint or enable prefill.",
        )


def get_search(db: Session, project_id: int, run_id: int) -> SearchRun:
    return get_run(db, project_id, run_id, SearchRun)


def succeed(
    db: Session, run_id: int, fence: int, results: dict[str, Any], tree: dict[str, Any] | None
) -> None:
    run = lock_attempt(db, run_id, fence, SearchRun)
    if run is not None:
        run.tree = tree
        record_success(db, run_id, fence, results)
