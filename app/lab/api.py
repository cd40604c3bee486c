"""The JSON API of test-time search: single searches and budget sweeps."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from app.common.config import Config
from app.core.api import MAX_ID
from app.core.db import Db
from app.lab import queries, runs
from app.lab.models import SearchRun
from app.projects.access import Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["lab"])
Id = Annotated[int, Field(gt=0, lt=MAX_ID)]


class SearchBody(Config):
    """A search of one problem, or a budget sweep over many problems if there is no `problem_id`."""

    model_id: Id
    generator_id: Id
    problem_id: Id | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    """Options of the search or of the sweep, see docs/search.md."""


def as_json(run: SearchRun, *, with_tree: bool = False) -> dict[str, Any]:
    names = ("id", "model_id", "generator_id", "problem_id", "config", "state", "progress", "error")
    times = ("created_at", "started_at", "finished_at")
    return {
        name: getattr(run, name) for name in (*names, *times, *(("tree", "results") if with_tree else ()))
    }


@router.get("/searches")
def list_searches(access: Researcher, db: Db) -> dict[str, Any]:
    """List searches, newest first. Get a single search for its tree and results."""
    return {"searches": [as_json(summary.run) for summary in queries.list_searches(db, access.project.id)]}


@router.post("/searches", status_code=201)
def start_search(access: Researcher, db: Db, body: SearchBody) -> dict[str, Any]:
    """Start a search. Poll it until `state` is succeeded."""
    run = runs.start(
        db,
        access.project.id,
        model_id=body.model_id,
        generator_id=body.generator_id,
        problem_id=body.problem_id,
        config=body.config,
        user=access.user,
    )
    db.refresh(run)
    return as_json(run)


@router.get("/searches/{search_id}")
def get_search(access: Researcher, db: Db, search_id: int) -> dict[str, Any]:
    """Get a search with its current tree and its results."""
    return as_json(runs.get_search(db, access.project.id, search_id), with_tree=True)


@router.post("/searches/{search_id}/cancellation")
def cancel_search(access: Researcher, db: Db, search_id: int) -> dict[str, Any]:
    run = runs.get_search(db, access.project.id, search_id)
    return as_json(actions.cancel_run(db, run, access.user))
