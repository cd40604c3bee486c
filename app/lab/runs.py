"""Searches as rows: starting and cancelling; the rest of their life is core/run_lifecycle.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue
from app.core.life import ACTIVE as ACTIVE
from app.core.life import ATTEMPTS as ATTEMPTS
from app.core.life import Life
from app.generators import generators
from app.generators.config import parse as parse_generator
from app.generators.models import Generator
from app.lab.config import needs_continuations, parse_search, parse_sweep
from app.lab.models import SearchRun
from app.problems.models import Problem
from app.training import queries


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
    """A queued search of one problem, or, without one, of many."""
    model = queries.get_model(db, project_id, model_id)
    generator = generators.get_generator(db, project_id, generator_id)
    if problem_id is not None:
        _problem(db, project_id, problem_id)
    parsed = parse_sweep(config) if problem_id is None else parse_search(config)
    _in_use(generator, needs_continuations(parsed))
    made = SearchRun(
        project_id=project_id,
        model_id=model.id,
        generator_id=generator.id,
        problem_id=problem_id,
        config=parsed.to_json(),
        state="queued",
        progress={"phase": "waiting for a worker"},
        created_by=user.id if user else None,
    )
    db.add(made)
    db.flush()
    kick(db, made)
    audit.record_event(db, user, "search.start", subject=f"search {made.id}", project_id=project_id)
    return made


def _problem(db: Session, project_id: int, problem_id: int) -> Problem:
    found = db.get(Problem, problem_id) if 0 < problem_id < 2**62 else None
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such problem in this project.")
    return found


def _in_use(generator: Generator, goes_on: bool) -> None:
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is retired.", remedy="Choose a generator that is in use.")
    if (
        goes_on
        and generator.kind == "openai"
        and not parse_generator(generator.config).supports_continuations
    ):
        raise Invalid(
            f"{generator.name} cannot go on from a given beginning, which a search asks for again and again.",
            remedy="Make a generator for the completions endpoint, or one of a chat server that goes on "
            "with an unfinished answer (prefill).",
        )


def kick(db: Session, run: SearchRun, after_s: float | None = None) -> None:
    enqueue(db, "lab.search", on="scoring", once=f"search-{run.id}", after_s=after_s, search_run_id=run.id)


def _begun(run: SearchRun) -> None:
    run.progress = {"phase": "opening model and generator"}


life = Life(SearchRun, "search", kick, begun=_begun)
find, begin, failed, sweep = life.find, life.begin, life.failed, life.sweep


def cancel(db: Session, run: SearchRun, user: User | None) -> None:
    """Its process is ended within seconds; what it has grown stays to be looked at."""
    found = life.cancelled(db, run.id)
    audit.record_event(db, user, "search.cancel", subject=f"search {found.id}", project_id=found.project_id)
    db.flush()


def succeeded(db: Session, run_id: int, results: dict[str, Any], tree: dict[str, Any] | None) -> None:
    life.succeeded(db, run_id, results=results, tree=tree)
