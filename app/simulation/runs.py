"""Simulations as rows: start, cancel, resume. core/run_lifecycle.py does the rest.
A worker runs the in-process form; the command line runs the end-to-end form itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict
from app.core.jobs import enqueue
from app.core.life import ACTIVE as ACTIVE
from app.core.life import ATTEMPTS as ATTEMPTS
from app.core.life import Life
from app.core.life import now as now
from app.simulation.models import Simulation
from app.simulation.request import Asked


def start(db: Session, project_id: int, asked: Asked, user: User | None) -> Simulation:
    """Queued for a worker; simulations run one after the other, as each keeps a core busy."""
    made = Simulation(
        project_id=project_id,
        form="fast",
        state="queued",
        progress={"phase": "waiting for a worker"},
        created_by=user.id if user else None,
        **told(asked),
    )
    db.add(made)
    db.flush()
    kick(db, made)
    audit.record_event(db, user, "simulation.start", subject=f"simulation {made.id}", project_id=project_id)
    return made


def told(asked: Asked) -> dict[str, Any]:
    """As the row keeps it."""
    setting = {name: value for name, value in asked.setting.to_json().items() if name != "seed"}
    return {"setting": setting, "policies": list(asked.policies), "seeds": list(asked.seeds)}


def kick(db: Session, run: Simulation, after_s: float | None = None) -> None:
    enqueue(
        db,
        "simulation.play",
        on="scoring",
        lock="simulation",
        once=f"simulation-{run.id}",
        after_s=after_s,
        simulation_id=run.id,
    )


def _begun(run: Simulation) -> None:
    run.progress = {**run.progress, "phase": "starting"}


life = Life(Simulation, "simulation", kick, begun=_begun, swept=(Simulation.form == "fast",))
locked, find, begin, failed, sweep = life.locked, life.find, life.begin, life.failed, life.sweep
SILENCE_SECONDS = life.silence_s


def cancel(db: Session, run: Simulation, user: User | None) -> None:
    """Its process is ended within seconds; the points it has stay, and it can be resumed."""
    found = life.cancelled(db, run.id)
    audit.record_event(
        db, user, "simulation.cancel", subject=f"simulation {found.id}", project_id=found.project_id
    )
    db.flush()


def resume(db: Session, run: Simulation, user: User | None) -> None:
    """One that failed or was cancelled goes on behind its last point."""
    found = locked(db, run.id)
    if found is None or found.state not in ("failed", "cancelled"):
        raise Conflict("Only a simulation that failed or was cancelled can be resumed.")
    if found.form == "full":
        raise Conflict(
            "A simulation of the full form is run by the command line.",
            remedy="Give the same stepmark simulate --full once more: it goes on.",
        )
    found.state, found.attempt, found.error, found.finished_at = "queued", 0, None, None
    found.progress = {**found.progress, "phase": "waiting for a worker"}
    kick(db, found)
    audit.record_event(
        db, user, "simulation.resume", subject=f"simulation {found.id}", project_id=found.project_id
    )
    db.flush()


def succeeded(db: Session, run_id: int, results: dict[str, Any]) -> None:
    life.succeeded(db, run_id, results=results)
