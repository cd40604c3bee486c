"""What moves an evaluation along: one call does whatever can be done now. It waits for the set
to be frozen and the model's scores to be there, starting a scoring run if they are not; then it
judges, outside of any transaction, and writes the results in one. May be called twice."""

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

LOOK_AGAIN_S = 2.0
TELL_S = 0.5


class CannotJudge(DomainError):
    status, code = 409, "cannot_judge"


def run(kind: runs.EvaluationKind, evaluation_id: int) -> None:
    """The job: what can be done now; called again while something has to be waited for."""
    if advance(evaluation_id):
        with transaction() as db:
            run_lifecycle.enqueue_run(db, db.get_one(Evaluation, evaluation_id), after_s=LOOK_AGAIN_S)


def advance(evaluation_id: int) -> bool:
    """True: has to be called again soon. False: it is over."""
    return run_worker.advance_in_worker(runs.KIND, evaluation_id, _advance)


def _advance(evaluation: Evaluation) -> bool:
    if evaluation.model_id is None and evaluation.folder is not None:
        _register(evaluation)
    with transaction() as db:
        waiting = _prepare(db, run_worker.require_attempt(db, evaluation, Evaluation))
    if not waiting:
        _judge(evaluation)
    return waiting


def _register(evaluation: Evaluation) -> None:
    """A folder made elsewhere becomes a model of the project's, checked and copied."""
    from app.evaluation import external_models

    folder = str(evaluation.folder)
    made = external_models.import_checkpoint(folder)
    with transaction() as db:
        locked = run_worker.require_attempt(db, evaluation, Evaluation)
        locked.model_id = external_models.register_model(db, locked.project_id, folder, made)


def _prepare(db: Session, evaluation: Evaluation) -> bool:
    """Whether something has to be waited for."""
    frozen = db.get_one(EvaluationSet, evaluation.evaluation_set_id)
    if frozen.state == "failed":
        raise CannotJudge(f"The set could not be frozen: {frozen.error}")
    if frozen.state != "ready":
        evaluation.progress = {"phase": "waiting for the set to be frozen"}
        return True
    if evaluation.model_id is not None and _scores_are_awaited(db, evaluation, frozen):
        return True
    evaluation.progress = {"phase": "reading"}
    return False


def _scores_are_awaited(db: Session, found: Evaluation, frozen: EvaluationSet) -> bool:
    """A scoring run of this model that is under way is waited for, whoever started it. After one
    that saw all of them, what is still unscored (too long for the model) stays so."""
    assert found.model_id is not None
    missing = load_set.count_unscored(db, frozen.id, found.model_id)
    if not missing:
        return False
    chosen = select(ScoringRun).where(ScoringRun.model_id == found.model_id)
    run = db.scalar(chosen.where(ScoringRun.state.in_(runs.ACTIVE)).order_by(ScoringRun.id).limit(1))
    if run is None and found.scoring_run_id is not None:
        run = db.get(ScoringRun, found.scoring_run_id)
    if run is None and load_set.was_scored_since(db, frozen, found.model_id):
        return False
    if run is None:
        splits = {"splits": frozen.definition["splits"]}
        run = scoring.start(db, found.project_id, found.model_id, splits, parent_id=found.id)
    found.scoring_run_id = run.id
    if run.state in ("failed", "cancelled"):
        raise CannotJudge(f"Its scoring was {run.state}. {run.error or ''}".strip())
    found.progress = {"phase": "waiting for scores", "done": run.done, "total": run.total}
    return run.state != "succeeded"


def _judge(evaluation: Evaluation) -> None:
    from app.evaluation import report, step_metrics

    with transaction() as db:
        row = db.get_one(Evaluation, evaluation.id)
        config = parse_evaluation_config(row.config)
        given = load_set.load_evaluation_data(db, row, config)
    last = [0.0]

    def tell(phase: str, done: int, total: int) -> None:
        if time.monotonic() - last[0] > TELL_S:
            last[0] = time.monotonic()
            _note(evaluation, {"phase": phase, "done": done, "total": total})

    results: dict[str, Any] = {"left_out": given.left_out, "best_of_n": None}
    problems: list[dict[str, Any]] = []
    if given.pool.problems:
        curves = report.compute_curves(given.pool, config, tell)
        results["best_of_n"] = report.build_report(given.pool, curves, config)
        problems = list(report.problem_rows(given.pool, curves))
    results["first_error"] = step_metrics.first_error_metrics(given.labeled, config)
    results["calibration"] = step_metrics.calibration_metrics(given.labeled, config)
    _store(evaluation, results, problems)


def _note(evaluation: Evaluation, progress: dict[str, Any]) -> None:
    """Say how far it is; hear whether the evaluation is still wanted."""
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
    """Every minute: a set that nobody froze is frozen."""
    with transaction() as db:
        for set_id in db.scalars(select(EvaluationSet.id).where(EvaluationSet.state == "queued")).all():
            enqueue(db, "evaluation.freeze", once=f"freeze-{set_id}", set_id=set_id)
