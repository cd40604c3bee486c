"""The JSON API of simulations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.projects.access import Researcher
from app.runs import actions
from app.simulation import queries, runs
from app.simulation.request import SimulationBody

router = APIRouter(prefix="/api/v1/projects/{slug}/simulations", tags=["simulation"])
StartBody = Annotated[
    SimulationBody,
    Body(
        examples=[
            {
                "size": "quick",
                "config": {"world": "lineage"},
                "policies": ["random", "lightman_80_20"],
                "seeds": [0],
            }
        ]
    ),
]
DEFAULT = SimulationBody()


@router.get("")
def list_simulations(access: Researcher, db: Db) -> dict[str, Any]:
    """List simulations, newest first. Get a single simulation for its measurements and results."""
    runs_ = queries.list_simulations(db, access.project.id)
    return {"simulations": [queries.simulation_to_json(run) for run in runs_]}


@router.post("", status_code=201)
def start_simulation(access: Researcher, db: Db, body: StartBody = DEFAULT) -> dict[str, Any]:
    """Start a simulation. Poll it until `state` is succeeded."""
    run = runs.start_simulation(db, access.project.id, body.resolve(), access.user)
    db.refresh(run)
    return queries.simulation_to_json(run)


@router.get("/{simulation_id}")
def get_simulation(access: Researcher, db: Db, simulation_id: int) -> dict[str, Any]:
    """Get a simulation with its measurements so far, and its results once it has succeeded."""
    return queries.results_to_json(db, runs.get_simulation(db, access.project.id, simulation_id))


@router.post("/{simulation_id}/cancellation")
def cancel_simulation(access: Researcher, db: Db, simulation_id: int) -> dict[str, Any]:
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return queries.simulation_to_json(actions.cancel_run(db, run, access.user))


@router.post("/{simulation_id}/resumption")
def resume_simulation(access: Researcher, db: Db, simulation_id: int) -> dict[str, Any]:
    """Resume a failed or cancelled simulation after its last measurement."""
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return queries.simulation_to_json(actions.resume_run(db, run, access.user))
