"""The JSON API of simulations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy import select

from app.core.api import Cursor, load_page
from app.core.db import Db
from app.projects.access import Researcher
from app.runs import actions
from app.simulation import queries, runs
from app.simulation.api_models import SimulationAnswer, SimulationDetails, SimulationPage
from app.simulation.models import Simulation
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


@router.get("", summary="List simulations")
def list_simulations(access: Researcher, db: Db, cursor: Cursor = None) -> SimulationPage:
    """Get a single simulation for its measurements and results."""
    query = select(Simulation).where(Simulation.project_id == access.project.id)
    page, next_cursor = load_page(db, query, Simulation.id, cursor)
    simulations = [SimulationAnswer.model_validate(run) for run in page]
    return SimulationPage(simulations=simulations, next_cursor=next_cursor)


@router.post("", status_code=201, summary="Start a simulation")
def start_simulation(access: Researcher, db: Db, body: StartBody = DEFAULT) -> SimulationAnswer:
    """Poll it until `state` is succeeded."""
    run = runs.start_simulation(db, access.project.id, body.resolve(), access.user)
    db.refresh(run)
    return SimulationAnswer.model_validate(run)


@router.get("/{simulation_id}", summary="Get a simulation with its measurements and results")
def get_simulation(access: Researcher, db: Db, simulation_id: int) -> SimulationDetails:
    """Get a simulation with its measurements so far, and its results once it has succeeded."""
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return SimulationDetails.model_validate(queries.results_to_json(db, run))


@router.post("/{simulation_id}/cancellation", summary="Cancel a simulation")
def cancel_simulation(access: Researcher, db: Db, simulation_id: int) -> SimulationAnswer:
    """Cancel a queued or running simulation. Its measurements are kept."""
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return SimulationAnswer.model_validate(actions.cancel_run(db, run, access.user))


@router.post("/{simulation_id}/resumption", summary="Resume a simulation after its last measurement")
def resume_simulation(access: Researcher, db: Db, simulation_id: int) -> SimulationAnswer:
    """Resume a failed or cancelled simulation after its last measurement."""
    run = runs.get_simulation(db, access.project.id, simulation_id)
    return SimulationAnswer.model_validate(actions.resume_run(db, run, access.user))
