"""Sampling runs: what is checked and done around their life (app/core/run_lifecycle.py), and reads."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.jobs import enqueue
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import ACTIVE as ACTIVE
from app.core.run_lifecycle import create_run, lock_attempt, record_failure, record_success
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


class SamplingKind(RunKind[SamplingRun]):
    name = "sampling"
    label = "Sampling"
    noun = "sampling"
    table = SamplingRun
    process = "app.generators.process"
    page = "/sampling-runs/{id}"
    silence_s = 60
    """The process also reports that it is alive, since it outlives its worker."""

    def validate(self, db: Session, run: SamplingRun) -> None:
        generator = db.get_one(Generator, run.generator_id)
        if generator.retired_at is not None:
            raise Conflict(f"{generator.name} is retired.", remedy="Choose another generator, or make one.")

    def on_create(self, db: Session, run: SamplingRun) -> None:
        PURPOSES[run.purpose].create_items(db, run)
        db.flush()

    def on_resume(self, db: Session, run: SamplingRun) -> None:
        """What failed is tried again."""
        reset = "SET state = 'waiting', tries = 0, errors = 0, error = NULL"
        query = text(f"UPDATE sampling_item {reset} WHERE sampling_run_id = :run AND state = 'failed'")
        db.execute(query, {"run": run.id})

    def on_finish(self, db: Session, run: SamplingRun) -> None:
        """However it ended: what it made is graded."""
        if run.purpose == "solutions":
            enqueue_grading(db, run.project_id)

    def can_resume(self, db: Session, run: SamplingRun) -> bool:
        """A succeeded run may have items that failed."""
        items = select(SamplingItem.id).where(
            SamplingItem.sampling_run_id == run.id, SamplingItem.state == "failed"
        )
        return super().can_resume(db, run) or (
            run.state == "succeeded" and db.scalar(items.limit(1)) is not None
        )

    def job_queue(self, db: Session, run: SamplingRun) -> str:
        """A local model needs a worker that has torch."""
        generator = db.get_one(Generator, run.generator_id)
        return "scoring" if generator.kind == "transformers" else "default"

    def job_lock(self, run: SamplingRun) -> str:
        """One run at a time asks a generator."""
        return f"generator-{run.generator_id}"


KIND = register(SamplingKind())


def start(
    db: Session,
    generator: Generator,
    purpose: str,
    config: dict[str, Any],
    user_id: int | None,
    *,
    wait: bool = False,
    parent_id: int | None = None,
) -> SamplingRun:
    """A queued run. With `wait` no worker is called: the caller does the work."""
    run = SamplingRun(
        project_id=generator.project_id,
        generator_id=generator.id,
        purpose=purpose,
        config=config,
        counters=dict(usage.NONE),
        created_by=user_id,
        parent_id=parent_id,
    )
    run.generator = generator
    return create_run(db, run, enqueue=not wait)


def enqueue_grading(db: Session, project_id: int) -> None:
    enqueue(db, "problems.grade", once=f"grade-{project_id}", project_id=project_id)


def finish(db: Session, run_id: int, fence: int) -> None:
    """Over when nothing waits any more; the process that holds an item finishes it. A run that made
    nothing because every request failed has failed, too few for that to be seen earlier."""
    run = lock_attempt(db, run_id, fence, SamplingRun)
    waiting = select(SamplingItem.id).where(
        SamplingItem.sampling_run_id == run_id, SamplingItem.state == "waiting"
    )
    if run is None or db.scalar(waiting.limit(1)) is not None:
        return
    if run.counters["failed"] and not run.counters["made"]:
        last = errors(db, run_id)
        reason = last[0].message if last else "Every request failed."
        record_failure(db, run_id, fence, reason, final=True)
        return
    record_success(db, run_id, fence)


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
