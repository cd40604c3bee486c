"""Drives an evaluation: each call does whatever can be done now. It waits until the set is frozen and the
model has scored it, and starts a scoring run if necessary. It computes outside of a transaction and stores
the results in one. Calls may repeat."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.core import run_lifecycle, run_worker
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.jobs import enqueue, stop_requested
from app.evaluation import load_set, runs
from app.evaluation.config import parse_evaluation_config
from app.evaluation.models import Evaluation, EvaluationProblem, EvaluationSet
from app.scoring import runs as scoring
from app.scoring.models import ScoringRun

RETRY_S = 2.0
PROGRESS_S = 0.5


class EvaluationError(DomainError):
    status, code = 409, "evaluation_failed"


def run(kind: runs.EvaluationKind, evaluation_id: int) -> None:
    """The job. It enqueues itself again while the evaluation has to wait."""
    if advance(evaluation_id):
        with transaction() as db:
            run_lifecycle.enqueue_run(db, db.get_one(Evaluation, evaluation_id), after_s=RETRY_S)


def advance(evaluation_id: int) -> bool:
    """Whether the evaluation has to wait, so that another call is needed."""
    return run_worker.advance_in_worker(runs.KIND, evaluation_id, _advance)


def _advance(evaluation: Evaluation) -> bool:
    if evaluation.model_id is None and evaluation.external_folder is not None:
        _register(evaluation)
    with transaction() as db:
        waiting = _prepare(db, run_worker.require_attempt(db, evaluation, Evaluation))
    if not waiting:
        _evaluate(evaluation)
    return waiting


def _register(evaluation: Evaluation) -> None:
    """Checks an external checkpoint, copies it and registers it as a model of the project."""
    from app.training import external_models

    folder = str(evaluation.external_folder)
    checkpoint = external_models.import_checkpoint(folder, evaluation.project_id)
    with transaction() as db:
        locked = run_worker.require_attempt(db, evaluation, Evaluation)
        locked.model_id = external_models.register_model(db, locked.project_id, folder, checkpoint)


def _prepare(db: Session, evaluation: Evaluation) -> bool:
    """Whether the evaluation has to wait for the set or for scores."""
    frozen = db.get_one(EvaluationSet, evaluation.evaluation_set_id)
    if frozen.state == "failed":
        raise EvaluationError(f"The set could not be frozen: {frozen.error}")
    if frozen.state != "succeeded":
        evaluation.progress = {"phase": "waiting for the set to be frozen"}
        return True
    if evaluation.model_id is not None and _wait_for_scores(db, evaluation, frozen):
        return True
    evaluation.progress = {"phase": "reading"}
    return False


def _wait_for_scores(db: Session, evaluation: Evaluation, frozen: EvaluationSet) -> bool:
    """Whether a scoring run of this model is active. If solutions have no score and no scoring run has seen
    them, starts a run. Solutions that a run could not score, such as very long ones, stay without a score."""
    assert evaluation.model_id is not None
    missing = load_set.count_unscored(db, frozen.id, evaluation.model_id)
    if not missing:
        return False
    scoring_runs = select(ScoringRun).where(ScoringRun.model_id == evaluation.model_id)
    run = db.scalar(scoring_runs.where(ScoringRun.state.in_(runs.ACTIVE)).order_by(ScoringRun.id).limit(1))
    if run is None and evaluation.scoring_run_id is not None:
        run = db.get(ScoringRun, evaluation.scoring_run_id)
    if run is None and load_set.was_scored_since(db, frozen, evaluation.model_id):
        return False
    if run is None:
        splits = {"splits": frozen.definition["splits"]}
        run = scoring.start(db, evaluation.project_id, evaluation.model_id, splits, parent_id=evaluation.id)
    evaluation.scoring_run_id = run.id
    if run.state in ("failed", "cancelled"):
        raise EvaluationError(f"Scoring {run.state}. {run.error or ''}".strip())
    evaluation.progress = {"phase": "waiting for scores", "done": run.done, "total": run.total}
    return run.state != "succeeded"


def _evaluate(evaluation: Evaluation) -> None:
    from app.evaluation import report, step_metrics

    with transaction() as db:
        row = db.get_one(Evaluation, evaluation.id)
        config = parse_evaluation_config(row.config)
        data = load_set.load_evaluation_data(db, row, config)
    last = 0.0

    def report_progress(phase: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > PROGRESS_S:
            last = time.monotonic()
            _record_progress(evaluation, {"phase": phase, "done": done, "total": total})

    results: dict[str, Any] = {
        "excluded": data.excluded,
        "coverage": {"graded": data.graded_coverage.to_json(), "labeled": data.labeled_coverage.to_json()},
        "best_of_n": None,
    }
    problems: list[dict[str, Any]] = []
    if data.pool.problems and not data.graded_coverage.is_mostly_missing:
        curves = report.compute_curves(data.pool, config, report_progress)
        results["best_of_n"] = report.build_report(data.pool, curves, config)
        problems = list(report.problem_rows(data.pool, curves))
    results["first_error"] = step_metrics.first_error_metrics(data.labeled, config)
    results["calibration"] = step_metrics.calibration_metrics(data.labeled, config)
    _store(evaluation, results, problems)


def _record_progress(evaluation: Evaluation, progress: dict[str, Any]) -> None:
    """Raises if the worker stops, or if the run was cancelled or has a newer attempt."""
    if stop_requested.is_set():
        raise run_worker.Stopped
    with transaction() as db:
        if run_lifecycle.record_heartbeat(db, evaluation.id, evaluation.fence, progress) is not None:
            raise run_worker.Overtaken


def _store(evaluation: Evaluation, results: dict[str, Any], problems: list[dict[str, Any]]) -> None:
    with transaction() as db:
        run_worker.require_attempt(db, evaluation, Evaluation)
        if problems:
            db.execute(
                insert(EvaluationProblem), [{"evaluation_id": evaluation.id, **row} for row in problems]
            )
        run_lifecycle.record_success(db, evaluation.id, evaluation.fence, results)


def freeze_waiting_sets() -> None:
    """Runs every minute. Enqueues sets that have no job."""
    with transaction() as db:
        for set_id in db.scalars(select(EvaluationSet.id).where(EvaluationSet.state == "queued")).all():
            enqueue(db, "evaluation.freeze", once=f"freeze-{set_id}", set_id=set_id)
