"""Simulations: how their settings are checked, and starting one. The life of a run is
app/core/run_lifecycle.py. A worker runs the in-process form; the command line runs the end-to-end form."""

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
from app.simulation.request import Asked


class SimulationKind(RunKind[Simulation]):
    name = "simulation"
    label = "Simulation"
    noun = "simulation"
    table = Simulation
    process = "app.simulation.process"
    page = "/simulations/{id}"
    queue = "scoring"

    def job_lock(self, run: Simulation) -> str:
        """One after the other, as each keeps a core busy."""
        return "simulation"

    def is_external(self, run: Simulation) -> bool:
        return run.form == "full"

    def can_resume(self, db: Session, run: Simulation) -> bool:
        if run.form == "full" and run.state in ("failed", "cancelled"):
            raise Conflict(
                "A simulation of the full form is run by the command line.",
                remedy="Give the same stepmark simulate --full once more: it goes on.",
            )
        return super().can_resume(db, run)


KIND = register(SimulationKind())


def start(db: Session, project_id: int, asked: Asked, user: User | None) -> Simulation:
    """Queued for a worker."""
    run = Simulation(project_id=project_id, form="fast", created_by=user.id if user else None, **told(asked))
    create_run(db, run)
    actions.record_start(db, run, user)
    return run


def told(asked: Asked) -> dict[str, Any]:
    """As the row keeps it."""
    config = {name: value for name, value in asked.setting.to_json().items() if name != "seed"}
    return {"config": config, "policies": list(asked.policies), "seeds": list(asked.seeds)}


def find(db: Session, project_id: int, run_id: int) -> Simulation:
    return get_run(db, project_id, run_id, Simulation)


def folder(run_id: int) -> Path:
    """What it has made so far. On the worker's machine: another one starts anew, with the same seeds."""
    return run_folder(run_id) / "simulation"
