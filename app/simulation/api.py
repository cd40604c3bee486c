"""The JSON API of simulations."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.projects.access import Researcher
from app.runs import actions
from app.simulation import queries, request, runs

router = APIRouter(prefix="/api/v1/projects/{slug}/simulations", tags=["simulation"])
StartBody = Body(
    default_factory=dict,
    description="`size`, `setting`, `policies`, `seeds`; every key may be left out. See docs/simulations.md.",
    examples=[
        {
            "size": "quick",
            "setting": {"world": "lineage"},
            "policies": ["random", "lightman_80_20"],
            "seeds": [0],
        }
    ],
)


@router.get("")
def list_simulations(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first; points and results are at each one's own address."""
    return {"simulations": [queries.as_json(each) for each in queries.listed(db, access.project.id)]}


@router.post("", status_code=201)
def start_simulation(access: Researcher, db: Db, given: dict[str, Any] = StartBody) -> dict[str, Any]:
    """Start a simulation of the fast form; poll until `state` is succeeded."""
    made = runs.start(db, access.project.id, request.parse(given), access.user)
    db.refresh(made)
    return queries.as_json(made)


@router.get("/{simulation_id}")
def get_simulation(access: Researcher, db: Db, simulation_id: int) -> dict[str, Any]:
    """With its points so far, and its results once it has succeeded."""
    return queries.whole(db, runs.find(db, access.project.id, simulation_id))


@router.post("/{simulation_id}/cancellation")
def cancel_simulation(access: Researcher, db: Db, simulation_id: int) -> dict[str, Any]:
    run = runs.find(db, access.project.id, simulation_id)
    return queries.as_json(actions.cancel_run(db, run, access.user))


@router.post("/{simulation_id}/resumption")
def resume_simulation(access: Researcher, db: Db, simulation_id: int) -> dict[str, Any]:
    """One that failed or was cancelled goes on behind its last point."""
    run = runs.find(db, access.project.id, simulation_id)
    return queries.as_json(actions.resume_run(db, run, access.user))
