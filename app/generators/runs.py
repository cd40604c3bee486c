"""Sampling runs as rows: starting, resuming, finishing; the rest of their life is core/run_lifecycle.py."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.jobs import enqueue
from app.core.life import ACTIVE, Life
from app.generators import alternatives, pool_sampling, rollouts, trial, usage
from app.generators.models import Generator, SamplingError, SamplingItem, SamplingRun

SHOWN_ERRORS = 50
PURPOSES: dict[str, ModuleType] = {
    "trial": trial,
    "solutions": pool_sampling,
    "rollouts": rollouts,
    "alternatives": alternatives,
}
"""Each has open_items (what there is to do), want (what is missing of one) and keep."""


def start(
    db: Session,
    generator: Generator,
    purpose: str,
    config: dict[str, Any],
    user_id: int | None,
    *,
    wait: bool = False,
) -> SamplingRun:
    """A queued run. With `wait` nobody is called to do it: who started it does."""
    if generator.retired_at is not None:
        raise Conflict(f"{generator.name} is retired.", remedy="Choose another generator, or make one.")
    made = SamplingRun(
        project_id=generator.project_id,
        generator_id=generator.id,
        purpose=purpose,
        config=config,
        counters=dict(usage.NONE),
        progress={},
        created_by=user_id,
    )
    made.generator = generator
    db.add(made)
    db.flush()
    PURPOSES[purpose].create_items(db, made)
    db.flush()
    if not wait:
        kick(db, made)
    return made


def kick(db: Session, run: SamplingRun, after_s: float | None = None) -> None:
    """A local model needs a worker that has torch; one run at a time asks a generator."""
    queue = "scoring" if run.generator.kind == "transformers" else "default"
    once, lock = f"sampling-{run.id}", f"generator-{run.generator_id}"
    enqueue(db, "generators.sample", on=queue, once=once, lock=lock, after_s=after_s, sampling_run_id=run.id)


def over(db: Session, run: SamplingRun) -> None:
    """However it ended: what it made is graded."""
    if run.purpose == "solutions":
        grade(db, run.project_id)


def grade(db: Session, project_id: int) -> None:
    enqueue(db, "problems.grade", once=f"grade-{project_id}", project_id=project_id)


NO_JOB = text(
    """NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.task_name = 'generators.sample'
       AND j.status IN ('todo', 'doing') AND (j.args->>'sampling_run_id')::bigint = sampling_run.id)"""
)
life = Life(SamplingRun, "sampling", kick, silence_s=60, begins_from=ACTIVE, over=over, swept=(NO_JOB,))
"""Its process says itself that it lives, and outlives its worker: a second one joins it."""
begin, failed, sweep = life.begin, life.failed, life.sweep


def locked(db: Session, run_id: int) -> SamplingRun:
    """For one that is known to be there."""
    run = life.locked(db, run_id)
    assert run is not None
    return run


def cancel(db: Session, run: SamplingRun) -> None:
    """What was sampled stays; the process is gone within seconds."""
    life.cancelled(db, run.id)


def resume(db: Session, run: SamplingRun) -> None:
    """What is still missing, with all its attempts; what failed is tried again."""
    run = locked(db, run.id)
    failed = "UPDATE sampling_item SET state = 'waiting', tries = 0, errors = 0, error = NULL"
    again = db.execute(
        text(f"{failed} WHERE sampling_run_id = :run AND state = 'failed' RETURNING id"),
        {"run": run.id},
    ).all()
    if run.state in ACTIVE or (run.state == "succeeded" and not again):
        raise Conflict(f"This sampling is {run.state}: there is nothing to resume.")
    run.state, run.attempt, run.error, run.finished_at = "queued", 0, None, None
    db.flush()
    kick(db, run)


def finish(db: Session, run_id: int) -> None:
    """Over when nothing waits any more; what is in other hands is waited for by their process. A run
    that made nothing because every request failed has failed, too few for that to be seen earlier."""
    run = locked(db, run_id)
    waiting = select(SamplingItem.id).where(
        SamplingItem.sampling_run_id == run_id, SamplingItem.state == "waiting"
    )
    if run.state != "running" or db.scalar(waiting.limit(1)) is not None:
        return
    if run.counters["failed"] and not run.counters["made"]:
        last = errors(db, run_id)
        failed(db, run_id, last[0].message if last else "Every request failed.")
        return
    life.succeeded(db, run_id)


def one(db: Session, project_id: int, run_id: int) -> SamplingRun:
    chosen = select(SamplingRun).where(SamplingRun.id == run_id, SamplingRun.project_id == project_id)
    found = db.scalar(chosen) if 0 < run_id < 2**62 else None
    if found is None:
        raise NotFound("There is no such sampling in this project.", remedy="Go back to the generators.")
    return found


def newest(
    db: Session, project_id: int, generator_id: int | None = None, purpose: str | None = None
) -> list[SamplingRun]:
    chosen = select(SamplingRun).where(SamplingRun.project_id == project_id)
    if purpose is not None:
        chosen = chosen.where(SamplingRun.purpose == purpose)
    if generator_id is not None:
        chosen = chosen.where(SamplingRun.generator_id == generator_id)
    return list(db.scalars(chosen.order_by(SamplingRun.id.desc()).limit(100)))


def errors(db: Session, run_id: int) -> list[SamplingError]:
    chosen = select(SamplingError).where(SamplingError.sampling_run_id == run_id)
    return list(db.scalars(chosen.order_by(SamplingError.id.desc()).limit(SHOWN_ERRORS)))
