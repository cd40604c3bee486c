"""The JSON API of the lab: searches of one problem, and runs over many."""

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
    description="`model_id`, `generator_id`; `problem_id` for a search of one problem, without it one over "
    "many; `config`: see docs/search.md.",
    examples=[{"model_id": 3, "generator_id": 1, "problem_id": 17, "config": {"method": "beam", "n": 16}}],
)
NUMBERS = ("model_id", "generator_id", "problem_id")


def as_json(found: SearchRun, *, whole: bool = False) -> dict[str, Any]:
    names = ("id", *NUMBERS, "config", "state", "progress", "error")
    times = ("created_at", "started_at", "finished_at")
    return {name: getattr(found, name) for name in (*names, *times, *(("tree", "results") if whole else ()))}


@router.get("/searches")
def list_searches(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first; tree and results are at each one's own address."""
    return {"searches": [as_json(each.run) for each in queries.list_searches(db, access.project.id)]}


@router.post("/searches", status_code=201)
def start(access: Researcher, db: Db, given: dict[str, Any] = StartBody) -> dict[str, Any]:
    """Start a search; poll until `state` is succeeded."""
    if unknown := sorted(set(given) - {*NUMBERS, "config"}):
        raise Invalid(f"Unknown: {unknown[0][:50]!r}.", remedy=f"There are: {', '.join(NUMBERS)}, config.")
    for name in NUMBERS:
        value = given.get(name)
        if (value is not None or name != "problem_id") and not _number(value):
            raise Invalid(f'"{name}" must be a whole number.')
    made = runs.start(
        db,
        access.project.id,
        model_id=given["model_id"],
        generator_id=given["generator_id"],
        problem_id=given.get("problem_id"),
        config=given.get("config", {}),
        user=access.user,
    )
    db.refresh(made)
    return as_json(made)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**62


@router.get("/searches/{search_id}")
def get_search(access: Researcher, db: Db, search_id: int) -> dict[str, Any]:
    """With its tree as far as it has grown, and its results."""
    return as_json(runs.find(db, access.project.id, search_id), whole=True)


@router.post("/searches/{search_id}/cancellation")
def cancel(access: Researcher, db: Db, search_id: int) -> dict[str, Any]:
    run = runs.find(db, access.project.id, search_id)
    return as_json(actions.cancel_run(db, run, access.user))
