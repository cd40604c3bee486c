"""Simulations as runs: how one starts, and what a worker does with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.core.errors import Conflict
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import create_run, get_run
from app.core.subprocess_jobs import run_folder
from app.runs import actions
from app.simulation.models import Simulation
from app.simulation.request import SimulationRequest


class SimulationKind(RunKind[Simulation]):
    name = "simulation"
    label = "Simulation"
    noun = "simulation"
    table = Simulation
    process = "app.simulation.process"
    page = "/simulations/{id}"
    queue = "scoring"

    def job_lock(self, run: Simulation) -> str:
        """Simulations run one at a time, because each keeps a core busy."""
        return "simulation"

    def can_resume(self, db: Session, run: Simulation) -> bool:
        if run.runner == "end_to_end":
            raise Conflict(
                "End-to-end simulations of earlier versions cannot be resumed.",
                remedy="Start a new simulation with the same configuration.",
            )
        return super().can_resume(db, run)


KIND = register(SimulationKind())


def start_simulation(
    db: Session, project_id: int, request: SimulationRequest, user: User | None
) -> Simulation:
    run = Simulation(project_id=project_id, created_by=user.id if user else None, **request_columns(request))
    create_run(db, run)
    actions.record_start(db, run, user)
    return run


def request_columns(request: SimulationRequest) -> dict[str, Any]:
    return {
        "config": request.config.describe(),
        "policies": list(request.policies),
        "seeds": list(request.seeds),
    }


def get_simulation(db: Session, project_id: int, run_id: int) -> Simulation:
    return get_run(db, project_id, run_id, Simulation)


def simulation_folder(run_id: int) -> Path:
    """Intermediate results. Another machine starts again with the same seeds."""
    return run_folder(run_id) / "simulation"
