"""The process that trains: `python -m app.training.process RUN_ID FENCE`.

It owns nothing but its attempt. It says that it lives every second or so; from the answer it
learns whether it was cancelled or overtaken. While the database is away it goes on training."""

from __future__ import annotations

import contextlib
import errno
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from app.accounts import models as _accounts  # noqa: F401  a foreign key names its table
from app.common.config import ConfigError
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.run_lifecycle import lock_attempt, record_failure, record_heartbeat, record_success, requeue
from app.core.subprocess_jobs import STOPPED
from app.prm.config import TrainConfig, kind_of
from app.prm.examples import Example
from app.problems.models import Problem
from app.projects import models as _projects  # noqa: F401  likewise
from app.settings import settings
from app.training import frozen, label_sources
from app.training import runs as _runs  # noqa: F401  the kind of this run
from app.training.models import Model, Snapshot, SnapshotItem, TrainingRun

BEAT_SECONDS = 1.0
INSERT_POINT = text(
    """INSERT INTO training_point (training_run_id, step, values) VALUES (:id, :step, CAST(:values AS jsonb))
       ON CONFLICT (training_run_id, step) DO UPDATE SET values = EXCLUDED.values, at = now()"""
)
CORPUS = 20_000
"""Solutions of the pool that a new tokenizer learns from."""


class Reporter:
    """Keeps the row up to date from a thread of its own: heartbeat, progress, loss points."""

    def __init__(self, run_id: int, fence: int) -> None:
        self.run_id, self.fence = run_id, fence
        self.stop_reason: str | None = None
        self._progress: dict[str, Any] = {"phase": "starting"}
        self._points: dict[int, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def report(self, said: dict[str, Any]) -> None:
        """What the trainer calls: cheap, never waits for the database."""
        with self._lock:
            self._progress = {**self._progress, **{k: v for k, v in said.items() if k != "validation"}}
            if "validation" in said:
                self._progress["validation"] = said["validation"]
            if "loss" in said and said.get("step"):
                point = self._points.setdefault(said["step"], {})
                point.update({k: said[k] for k in ("loss", "lr", "examples_per_s") if k in said})
                if "validation" in said:
                    point["validation_loss"] = said["validation"]["loss"]

    def should_stop(self) -> str | None:
        return self.stop_reason

    def close(self) -> None:
        self._done.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with contextlib.suppress(SQLAlchemyError):  # away: said next time
                self.record_heartbeat()

    def record_heartbeat(self) -> None:
        with self._lock:
            progress, points = dict(self._progress), dict(self._points)
        with transaction() as db:
            reason = record_heartbeat(db, self.run_id, self.fence, progress)
            if reason != "overtaken" and points:
                rows = [
                    {"id": self.run_id, "step": step, "values": orjson.dumps(values).decode()}
                    for step, values in points.items()
                ]
                db.execute(INSERT_POINT, rows)
        with self._lock:
            for step, values in points.items():
                if self._points.get(step) == values:
                    del self._points[step]
        self.stop_reason = reason or self.stop_reason


def main(run_id: int, fence: int) -> int:
    reporter = Reporter(run_id, fence)

    def asked_to_end(*_: object) -> None:
        reporter.stop_reason = reporter.stop_reason or "asked to end"

    signal.signal(signal.SIGTERM, asked_to_end)
    signal.signal(signal.SIGINT, asked_to_end)
    folder = settings().runs_dir / str(run_id)
    try:
        return work(run_id, fence, reporter, folder)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        reason, final = explain_error(error)
        reporter.close()
        with contextlib.suppress(SQLAlchemyError):
            reporter.record_heartbeat()
        retry_until_database_returns(lambda: fail(run_id, fence, reason, final))
        return 1


def fail(run_id: int, fence: int, reason: str, final: bool) -> None:
    with transaction() as db:
        record_failure(db, run_id, fence, reason, final=final)


def work(run_id: int, fence: int, reporter: Reporter, folder: Path) -> int:
    from app.prm.checkpoint import update_card
    from app.prm.train import train  # torch takes seconds: the reporter is alive by now

    try:
        snapshot_id = frozen.snapshot_of(run_id, fence, reporter.report, reporter.should_stop)
    except frozen.Stopped as stopped:
        return stop(run_id, fence, str(stopped))
    with transaction() as db:
        run = db.get_one(TrainingRun, run_id)
        config = TrainConfig.parse(run.config)
        snapshot = db.get_one(Snapshot, snapshot_id)
    examples = load_examples(snapshot_id)
    corpus = None if config.base else load_corpus(run.project_id)
    outcome = train(
        config, examples, folder, reporter.report, reporter.should_stop, snapshot.hash.hex(), corpus=corpus
    )
    reporter.close()
    retry_until_database_returns(
        reporter.record_heartbeat
    )  # the end of the curve is not lost to a database that is away
    if outcome.state == "stopped":
        return stop(run_id, fence, str(outcome.reason))
    assert outcome.published is not None
    update_card(outcome.published, labels=label_sources.model_card_labels(snapshot))
    return 0 if publish(run, fence, outcome.published, outcome.metrics) else 4


def stop(run_id: int, fence: int, reason: str) -> int:
    """Ended before it had a model: cancelled for good, else another attempt goes on."""
    print(f"stopped: {reason}", flush=True)

    def record() -> None:
        with transaction() as db:
            requeue(db, run_id, fence)

    if reason != "overtaken":
        retry_until_database_returns(record, 20)
    return STOPPED


def load_examples(snapshot_id: int) -> list[Example]:
    with transaction() as db:
        rows = db.execute(
            select(
                Problem.statement,
                SnapshotItem.steps,
                SnapshotItem.targets,
                SnapshotItem.split,
                SnapshotItem.values,
            )
            .join(Problem, Problem.id == SnapshotItem.problem_id)
            .where(SnapshotItem.snapshot_id == snapshot_id)
            .order_by(SnapshotItem.ordinal)
            .execution_options(yield_per=2_000)
        )
        return [Example(*row) for row in rows]


def load_corpus(project_id: int) -> list[str]:
    """Texts of the pool for a new tokenizer; test problems stay unseen."""
    query = text(
        """SELECT p.statement, s.steps FROM solution s JOIN problem p ON p.id = s.problem_id
           WHERE s.project_id = :project_id AND p.split <> 'test' ORDER BY s.id LIMIT :limit"""
    )
    with transaction() as db:
        rows = db.execute(query, {"project_id": project_id, "limit": CORPUS}).all()
    return [piece for row in rows for piece in (row.statement, *row.steps)]


def publish(run: TrainingRun, fence: int, made: Path, metrics: dict[str, Any]) -> bool:
    """The model's folder takes its place, then one transaction makes it a model: only if this
    attempt still counts. Otherwise nothing of it stays."""
    from app.prm.checkpoint import compute_weights_hash, load

    load(made)  # what is published always loads
    place = f"{run.project_id}/run-{run.id}-{fence}"
    target = settings().models_dir / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    made.rename(target)
    digest = compute_weights_hash(target)
    counted = False

    def insert() -> None:
        nonlocal counted
        with transaction() as db:
            attempt = lock_attempt(db, run.id, fence, TrainingRun)
            if attempt is None:
                return
            number = db.scalar(select(Model.id).where(Model.training_run_id == run.id))
            if number is None:
                db.add(_model(attempt, place, digest, metrics))
            record_success(db, run.id, fence, seconds_left=0)
        counted = True

    retry_until_database_returns(insert)
    if not counted:
        shutil.rmtree(target, ignore_errors=True)
        print("overtaken: another attempt counts now, nothing was published", flush=True)
    else:
        shutil.rmtree(settings().runs_dir / str(run.id) / "checkpoints", ignore_errors=True)
    return counted


def _model(run: TrainingRun, place: str, digest: bytes, metrics: dict[str, Any]) -> Model:
    kind = kind_of(str(run.config.get("objective", "prm3")))
    return Model(
        project_id=run.project_id,
        name=f"{kind}-{run.id}",
        kind=kind,
        path=place,
        weights_hash=digest,
        config=run.config,
        metrics=metrics,
        training_run_id=run.id,
        snapshot_id=run.snapshot_id,
    )


def retry_until_database_returns(act: Any, seconds: float = 600.0) -> None:
    """A database that is away comes back: what has to be written is tried again for ten minutes."""
    end = time.monotonic() + seconds
    while True:
        try:
            act()
            return
        except (OperationalError, InterfaceError):
            if time.monotonic() > end:
                raise
            time.sleep(1)


def explain_error(error: Exception) -> tuple[str, bool]:
    """The reason as a person needs it, and whether trying again cannot help."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Make room under STEPMARK_HOME, then resume.", True
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"Out of memory: {error}. A smaller tokens_per_batch or model needs less.", False
    if isinstance(error, DomainError):  # the labels, when they were frozen
        return f"{error.message} {error.remedy}".strip(), True
    known = isinstance(error, ConfigError | ValueError | FloatingPointError)  # BadCheckpoint, NothingToLearn
    return f"{type(error).__name__}: {error}" if not known else str(error), known


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
