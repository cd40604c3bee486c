"""The JSON API of test-time search: single searches and budget sweeps."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.core.errors import Invalid
from app.lab import queries, runs
from app.lab.models import SearchRun
from app.projects.access import Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["lab"])
StartBody = Body(
    default_factory=dict,
    description="`model_id`, `generator_id` and `config` (see docs/search.md). With `problem_id`, "
    "a search of one problem; without it, a budget sweep.",
    examples=[{"model_id": 3, "generator_id": 1, "problem_id": 17, "config": {"method": "beam", "n": 16}}],
)
NUMBERS = ("model_id", "generator_id", "problem_id")


def as_json(run: SearchRun, *, with_tree: bool = False) -> dict[str, Any]:
    names = ("id", *NUMBERS, "config", "state", "progress", "error")
    times = ("created_at", "started_at", "finished_at")
    return {
        name: getattr(run, name) for name in (*names, *times, *(("tree", "results") if with_tree else ()))
    }


@router.get("/searches")
def list_searches(access: Researcher, db: Db) -> dict[str, Any]:
    """List searches, newest first. Get a single search for its tree and results."""
    return {"searches": [as_json(summary.run) for summary in queries.list_searches(db, access.project.id)]}


@router.post("/searches", status_code=201)
def start_search(access: Researcher, db: Db, payload: dict[str, Any] = StartBody) -> dict[str, Any]:
    """Start a search. Poll it until `state` is succeeded."""
    if unknown := sorted(set(payload) - {*NUMBERS, "config"}):
        raise Invalid(
            f"Unknown field {unknown[0][:50]!r}.", remedy=f"Valid fields: {', '.join(NUMBERS)}, config."
        )
    for name in NUMBERS:
        value = payload.get(name)
        if (value is not None or name != "problem_id") and not _number(value):
            raise Invalid(f'"{name}" must be a positive integer.')
    run = runs.start(
        db,
        access.project.id,
        model_id=payload["model_id"],
        generator_id=payload["generator_id"],
        problem_id=payload.get("problem_id"),
        config=payload.get("config", {}),
        user=access.user,
    )
    db.refresh(run)
    return as_json(run)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**62


@router.get("/searches/{search_id}")
def get_search(access: Researcher, db: Db, search_id: int) -> dict[str, Any]:
    """Get a search with its current tree and its results."""
    return as_json(runs.get_search(db, access.project.id, search_id), with_tree=True)


@router.post("/searches/{search_id}/cancellation")
def cancel_search(access: Researcher, db: Db, search_id: int) -> dict[str, Any]:
    run = runs.get_search(db, access.project.id, search_id)
    return as_json(actions.cancel_run(db, run, access.user))
