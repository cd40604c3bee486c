"""Searches as rows: starting, cancelling, finding, and what becomes of one whose process died."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import defer
from app.generators import making
from app.generators.config import parse as parse_generator
from app.generators.models import Generator
from app.lab.config import goes_on, parse_search, parse_study
from app.lab.models import SearchRun
from app.problems.models import Problem
from app.training import listing

ACTIVE = ("queued", "running")
ATTEMPTS = 3
SILENCE_SECONDS = 90


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
    model = listing.model(db, project_id, model_id)
    generator = making.one(db, project_id, generator_id)
    if problem_id is not None:
        _problem(db, project_id, problem_id)
    parsed = parse_study(config) if problem_id is None else parse_search(config)
    _in_use(generator, goes_on(parsed))
    made = SearchRun(
        project_id=project_id,
        model_id=model.id,
        generator_id=generator.id,
        problem_id=problem_id,
        config=parsed.as_json(),
        state="queued",
        progress={"phase": "waiting for a worker"},
        created_by=user.id if user else None,
    )
    db.add(made)
    db.flush()
    kick(db, made.id)
    audit.record(db, user, "search.start", subject=f"search {made.id}", project_id=project_id)
    return made


def _problem(db: Session, project_id: int, problem_id: int) -> Problem:
    found = db.get(Problem, problem_id) if 0 < problem_id < 2**62 else None
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such problem in this project.")
    return found


def _in_use(generator: Generator, goes_on: bool) -> None:
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is retired.", remedy="Choose a generator that is in use.")
    if goes_on and generator.kind == "openai" and not parse_generator(generator.config).continues:
        raise Invalid(
            f"{generator.name} cannot go on from a given beginning, which a search asks for again and again.",
            remedy="Make a generator for the completions endpoint, or one of a chat server that goes on "
            "with an unfinished answer (prefill).",
        )


def kick(db: Session, run_id: int, after_s: float | None = None) -> None:
    defer(db, "lab.search", on="scoring", once=f"search-{run_id}", after_s=after_s, search_run_id=run_id)


def locked(db: Session, run_id: int) -> SearchRun | None:
    chosen = select(SearchRun).where(SearchRun.id == run_id).with_for_update()
    return db.scalar(chosen, execution_options={"populate_existing": True})


def find(db: Session, project_id: int, run_id: int) -> SearchRun:
    found = db.get(SearchRun, run_id, populate_existing=True) if 0 < run_id < 2**62 else None
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such search in this project.")
    return found


def cancel(db: Session, run: SearchRun, user: User | None) -> None:
    """Its process is ended within seconds; what it has grown stays to be looked at."""
    found = locked(db, run.id)
    if found is None or found.state not in ACTIVE:
        raise Conflict("This search is over: there is nothing to cancel.")
    found.state, found.finished_at = "cancelled", dt.datetime.now(dt.UTC)
    audit.record(db, user, "search.cancel", subject=f"search {found.id}", project_id=found.project_id)
    db.flush()


def begin(db: Session, run_id: int) -> bool:
    """One more attempt at a run that waits; False for one that is over or in other hands. One whose
    worker died is put back by the sweep."""
    found = locked(db, run_id)
    if found is None or found.state != "queued":
        return False
    now = dt.datetime.now(dt.UTC)
    found.state, found.attempt, found.heartbeat_at = "running", found.attempt + 1, now
    found.started_at = found.started_at or now
    found.progress = {"phase": "opening model and generator"}
    db.flush()
    return True


def ended_badly(db: Session, run_id: int, reason: str) -> None:
    """Tried again up to three times in all; problems that are done are not done again."""
    found = locked(db, run_id)
    if found is None or found.state != "running":
        return
    if found.attempt >= ATTEMPTS:
        failed(db, run_id, reason)
    else:
        found.state, found.error = "queued", reason
        kick(db, run_id, after_s=2)


def handed_back(db: Session, run_id: int) -> None:
    """Its worker ends; another attempt does not count against it."""
    found = locked(db, run_id)
    if found is not None and found.state == "running":
        found.state, found.attempt = "queued", found.attempt - 1
        kick(db, run_id, after_s=1)


def failed(db: Session, run_id: int, reason: str) -> None:
    found = locked(db, run_id)
    if found is not None and found.state in ACTIVE:
        found.state, found.error, found.finished_at = "failed", reason, dt.datetime.now(dt.UTC)


def succeeded(db: Session, run_id: int, results: dict[str, Any], tree: dict[str, Any] | None) -> None:
    found = locked(db, run_id)
    if found is not None and found.state == "running":
        found.results, found.tree, found.error = results, tree, None
        found.state, found.finished_at = "succeeded", dt.datetime.now(dt.UTC)


def sweep(db: Session) -> None:
    """Runs that nobody has heard of for a while (their worker died) are taken up again."""
    silent = text(
        """SELECT id FROM search_run WHERE state = 'running'
           AND heartbeat_at < now() - make_interval(secs => :silence)"""
    )
    for run_id in db.scalars(silent, {"silence": SILENCE_SECONDS}).all():
        ended_badly(db, run_id, "The search's process is gone.")
