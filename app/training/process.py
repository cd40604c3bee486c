"""The process that trains: `python -m app.training.process RUN_ID FENCE`.

It owns nothing but its attempt. It reports a heartbeat every second; the answer tells it whether the run was
cancelled or another attempt took over. While the database is unreachable it keeps training."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from app.accounts import models as _accounts  # noqa: F401  a foreign key names its table
from app.core.base_models import list_bases
from app.core.db import transaction
from app.core.errors import DomainError, find_disk_full
from app.core.run_lifecycle import lock_attempt, record_failure, record_heartbeat, record_success, requeue
from app.core.subprocess_jobs import STOPPED
from app.prm.config import TrainConfig
from app.prm.examples import Example
from app.prm.objectives import get_objective
from app.problems.models import Problem
from app.projects import models as _projects  # noqa: F401  likewise
from app.settings import settings
from app.training import label_sources, snapshots
from app.training import runs as _runs  # noqa: F401  the kind of this run
from app.training.models import Model, Snapshot, SnapshotItem, TrainingRun

BEAT_SECONDS = 1.0
INSERT_POINT = text(
    """INSERT INTO training_point (training_run_id, step, metrics)
       VALUES (:id, :step, CAST(:metrics AS jsonb))
       ON CONFLICT (training_run_id, step)
       DO UPDATE SET metrics = EXCLUDED.metrics, created_at = now()"""
)
CORPUS = 20_000
"""Solutions of the pool that a new tokenizer is trained on."""


class Reporter:
    """Updates the run from a thread of its own: heartbeat, progress, loss curve."""

    def __init__(self, run_id: int, fence: int) -> None:
        self.run_id, self.fence = run_id, fence
        self.stop_reason: str | None = None
        self._progress: dict[str, Any] = {"phase": "starting"}
        self._points: dict[int, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def report(self, progress: dict[str, Any]) -> None:
        """Called by the trainer. Cheap: it never waits for the database."""
        with self._lock:
            self._progress = {**self._progress, **progress}
            if "loss" in progress and progress.get("step"):
                point = self._points.setdefault(progress["step"], {})
                names = ("loss", "lr", "examples_per_s")
                point.update({name: progress[name] for name in names if name in progress})
                if "validation" in progress:
                    point["validation_loss"] = progress["validation"]["loss"]

    def should_stop(self) -> str | None:
        return self.stop_reason

    def close(self) -> None:
        self._done.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with contextlib.suppress(SQLAlchemyError):  # unreachable: sent next time
                self.record_heartbeat()

    def record_heartbeat(self) -> None:
        with self._lock:
            progress, points = dict(self._progress), dict(self._points)
        with transaction() as db:
            reason = record_heartbeat(db, self.run_id, self.fence, progress)
            if reason != "overtaken" and points:
                rows = [
                    {"id": self.run_id, "step": step, "metrics": orjson.dumps(values).decode()}
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
    from app.prm.train import train  # torch takes seconds to load; the reporter already runs
    from app.prm.verify_export import MOST_SOLUTIONS, verify_export

    try:
        snapshot_id = snapshots.create_snapshot_of_run(run_id, fence, reporter.report, reporter.should_stop)
    except snapshots.SnapshotInterrupted as interruption:
        return stop(run_id, fence, str(interruption))
    with transaction() as db:
        run = db.get_one(TrainingRun, run_id)
        config = TrainConfig.parse(run.config)
        snapshot = db.get_one(Snapshot, snapshot_id)
    examples = load_examples(snapshot_id)
    corpus = None if config.base else load_corpus(run.project_id)
    outcome = train(
        config, examples, folder, reporter.report, reporter.should_stop, snapshot.hash.hex(), corpus=corpus,
        target=folder / f"published-{fence}",  # an attempt that was replaced may still write its own
    )  # fmt: skip
    reporter.close()
    # the end of the curve is not lost to an unreachable database
    retry_until_database_returns(reporter.record_heartbeat)
    if outcome.state == "stopped":
        return stop(run_id, fence, str(outcome.reason))
    assert outcome.published is not None
    labels = label_sources.model_card_labels(snapshot)
    update_card(outcome.published, labels=labels, **describe_base(config.base))
    solutions = [(example.problem, example.steps) for example in examples[:MOST_SOLUTIONS]]
    verify_export(outcome.published, solutions)
    return 0 if publish(run, fence, outcome.published, outcome.metrics) else 4


def describe_base(folder: str | None) -> dict[str, str]:
    """Name and license of the registered base in `folder`, for the model card."""
    entry = next((entry for entry in list_bases() if entry.folder == folder), None)
    if entry is None:
        return {}
    license_name = {"base_license": entry.facts.license} if entry.facts.license else {}
    return {"base_name": entry.name, **license_name}


def stop(run_id: int, fence: int, reason: str) -> int:
    """Stop without a model. A cancelled run ends; otherwise another attempt continues."""
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
    """Texts of the pool for a new tokenizer, without test problems."""
    query = text(
        """SELECT p.statement, s.steps FROM solution s JOIN problem p ON p.id = s.problem_id
           WHERE s.project_id = :project_id AND p.split <> 'test' ORDER BY s.id LIMIT :limit"""
    )
    with transaction() as db:
        rows = db.execute(query, {"project_id": project_id, "limit": CORPUS}).all()
    return [piece for row in rows for piece in (row.statement, *row.steps)]


def publish(run: TrainingRun, fence: int, published: Path, metrics: dict[str, Any]) -> bool:
    """Move the folder to the models directory, then insert the model in one transaction if this attempt
    still holds the run. Otherwise the folder is removed. Returns whether the model was inserted."""
    from app.prm.checkpoint import compute_weights_hash

    path = f"{run.project_id}/run-{run.id}-{fence}"
    target = settings().models_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    published.rename(target)
    digest = compute_weights_hash(target)
    inserted = False

    def insert() -> None:
        nonlocal inserted
        with transaction() as db:
            attempt = lock_attempt(db, run.id, fence, TrainingRun)
            if attempt is None:
                return
            if db.scalar(select(Model.id).where(Model.training_run_id == run.id)) is None:
                db.add(_build_model(attempt, path, digest, metrics))
            record_success(db, run.id, fence, seconds_left=0)
        inserted = True

    retry_until_database_returns(insert)
    if not inserted:
        shutil.rmtree(target, ignore_errors=True)
        print("superseded by another attempt; nothing was published", flush=True)
    else:
        folder = settings().runs_dir / str(run.id)
        for left in (folder / "checkpoints", *folder.glob("published-*")):
            shutil.rmtree(left, ignore_errors=True)
    return inserted


def _build_model(run: TrainingRun, path: str, digest: bytes, metrics: dict[str, Any]) -> Model:
    kind = get_objective(str(run.config.get("objective", "prm3"))).kind
    return Model(
        project_id=run.project_id,
        name=f"{kind}-{run.id}",
        kind=kind,
        path=path,
        weights_hash=digest,
        config=run.config,
        metrics=metrics,
        training_run_id=run.id,
        snapshot_id=run.snapshot_id,
    )


def retry_until_database_returns(write: Callable[[], None], seconds: float = 600.0) -> None:
    """Call `write`, and again every second while the database is unreachable, for at most `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            write()
            return
        except (OperationalError, InterfaceError):
            if time.monotonic() > end:
                raise
            time.sleep(1)


def explain_error(error: Exception) -> tuple[str, bool]:
    """The reason for people, and whether it is final: another attempt would fail too."""
    error = find_disk_full(error) or error
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"Out of memory: {error}. Use a smaller tokens_per_batch or model.", False
    if isinstance(error, DomainError):  # no labels for the snapshot
        return f"{error.message} {error.remedy}".strip(), True
    is_final = isinstance(error, ValueError | FloatingPointError)  # also ConfigError, BadCheckpoint
    return str(error) if is_final else f"{type(error).__name__}: {error}", is_final


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
