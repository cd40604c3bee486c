"""Sampling runs: validation, hooks of their lifecycle (app/core/run_lifecycle.py), and queries."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.config_file import parse_config
from app.core.errors import Conflict, NotFound
from app.core.jobs import enqueue
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import ACTIVE as ACTIVE
from app.core.run_lifecycle import create_run, lock_attempt, record_failure, record_success
from app.generators import usage
from app.generators.kinds import KINDS
from app.generators.models import Generator, SamplingError, SamplingItem, SamplingRun
from app.generators.purposes import PURPOSES

SHOWN_ERRORS = 50


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
            raise Conflict(f"{generator.name} is retired.", remedy="Choose or create another generator.")
        run.config = parse_config(PURPOSES[run.purpose].config, run.config).to_json()

    def on_create(self, db: Session, run: SamplingRun) -> None:
        PURPOSES[run.purpose].create_items(db, run)
        db.flush()

    def on_resume(self, db: Session, run: SamplingRun) -> None:
        """Failed items are retried."""
        reset = "SET state = 'queued', sample_count = 0, errors = 0, error = NULL"
        query = text(f"UPDATE sampling_item {reset} WHERE sampling_run_id = :run AND state = 'failed'")
        db.execute(query, {"run": run.id})

    def on_finish(self, db: Session, run: SamplingRun) -> None:
        """Grade the new solutions, whatever the final state."""
        if PURPOSES[run.purpose].adds_to_pool:
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
        """The queue whose workers can run the generator."""
        generator = db.get_one(Generator, run.generator_id)
        return KINDS[generator.kind].job_queue

    def job_lock(self, run: SamplingRun) -> str:
        """Each generator works on one run at a time."""
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
    """Queue a run. With `wait`, no job is enqueued and the caller runs it."""
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
    """Finish the run if no items are waiting. A run without samples in which every request failed has failed,
    even if there were too few failures to stop it earlier."""
    run = lock_attempt(db, run_id, fence, SamplingRun)
    waiting = select(SamplingItem.id).where(
        SamplingItem.sampling_run_id == run_id, SamplingItem.state == "queued"
    )
    if run is None or db.scalar(waiting.limit(1)) is not None:
        return
    if run.counters["failed"] and not run.counters["stored"]:
        last = list_errors(db, run_id)
        reason = last[0].message if last else "Every request failed."
        record_failure(db, run_id, fence, reason, final=True)
        return
    record_success(db, run_id, fence)


def get_run(db: Session, project_id: int, run_id: int) -> SamplingRun:
    chosen = select(SamplingRun).where(SamplingRun.id == run_id, SamplingRun.project_id == project_id)
    run = db.scalar(chosen) if 0 < run_id < 2**62 else None
    if run is None:
        raise NotFound("Sampling run not found.", remedy="Return to the list of generators.")
    return run


def list_runs(
    db: Session, project_id: int, generator_id: int | None = None, purpose: str | None = None
) -> list[SamplingRun]:
    chosen = select(SamplingRun).where(SamplingRun.project_id == project_id)
    if purpose is not None:
        chosen = chosen.where(SamplingRun.purpose == purpose)
    if generator_id is not None:
        chosen = chosen.where(SamplingRun.generator_id == generator_id)
    return list(db.scalars(chosen.order_by(SamplingRun.id.desc()).limit(100)))


def list_errors(db: Session, run_id: int) -> list[SamplingError]:
    chosen = select(SamplingError).where(SamplingError.sampling_run_id == run_id)
    return list(db.scalars(chosen.order_by(SamplingError.id.desc()).limit(SHOWN_ERRORS)))
