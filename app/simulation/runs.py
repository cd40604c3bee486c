"""Simulations as rows: starting, cancelling, resuming, finding, and what becomes of one whose process
died. Those of the fast form are played by a worker; a full one is the command line's own."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core.errors import Conflict, NotFound
from app.core.jobs import defer
from app.simulation.asked import Asked
from app.simulation.tables import Simulation

ACTIVE = ("queued", "running")
ATTEMPTS = 3
SILENCE_SECONDS = 90


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
    kick(db, made.id)
    audit.record(db, user, "simulation.start", subject=f"simulation {made.id}", project_id=project_id)
    return made


def told(asked: Asked) -> dict[str, Any]:
    """As the row keeps it."""
    setting = {name: value for name, value in asked.setting.as_json().items() if name != "seed"}
    return {"setting": setting, "policies": list(asked.policies), "seeds": list(asked.seeds)}


def kick(db: Session, run_id: int, after_s: float | None = None) -> None:
    once = f"simulation-{run_id}"
    defer(
        db,
        "simulation.play",
        on="scoring",
        lock="simulation",
        once=once,
        after_s=after_s,
        simulation_id=run_id,
    )


def locked(db: Session, run_id: int) -> Simulation | None:
    chosen = select(Simulation).where(Simulation.id == run_id).with_for_update()
    return db.scalar(chosen, execution_options={"populate_existing": True})


def find(db: Session, project_id: int, run_id: int) -> Simulation:
    found = db.get(Simulation, run_id, populate_existing=True) if 0 < run_id < 2**62 else None
    if found is None or found.project_id != project_id:
        raise NotFound("There is no such simulation in this project.")
    return found


def cancel(db: Session, run: Simulation, user: User | None) -> None:
    """Its process is ended within seconds; the points it has stay, and it can be resumed."""
    found = locked(db, run.id)
    if found is None or found.state not in ACTIVE:
        raise Conflict("This simulation is over: there is nothing to cancel.")
    found.state, found.finished_at = "cancelled", now()
    audit.record(db, user, "simulation.cancel", subject=f"simulation {found.id}", project_id=found.project_id)
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
    kick(db, found.id)
    audit.record(db, user, "simulation.resume", subject=f"simulation {found.id}", project_id=found.project_id)
    db.flush()


def begin(db: Session, run_id: int) -> bool:
    """One more attempt at a run that waits; False for one that is over or in other hands."""
    found = locked(db, run_id)
    if found is None or found.state != "queued":
        return False
    found.state, found.attempt, found.heartbeat_at = "running", found.attempt + 1, now()
    found.started_at = found.started_at or found.heartbeat_at
    found.progress = {**found.progress, "phase": "starting"}
    db.flush()
    return True


def ended_badly(db: Session, run_id: int, reason: str) -> None:
    """Tried again up to three times in all; what is in its folder is not made again."""
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
        found.state, found.error, found.finished_at = "failed", reason, now()


def succeeded(db: Session, run_id: int, results: dict[str, Any]) -> None:
    found = locked(db, run_id)
    if found is not None and found.state == "running":
        found.results, found.error = results, None
        found.state, found.finished_at = "succeeded", now()


def sweep(db: Session) -> None:
    """Runs that nobody has heard of for a while (their worker died) are taken up again."""
    silent = text(
        """SELECT id FROM simulation WHERE state = 'running' AND form = 'fast'
           AND heartbeat_at < now() - make_interval(secs => :silence)"""
    )
    for run_id in db.scalars(silent, {"silence": SILENCE_SECONDS}).all():
        ended_badly(db, run_id, "The simulation's process is gone.")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
