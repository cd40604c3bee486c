"""What moves an evaluation along: one call does whatever can be done now. It waits for the set
to be frozen and the model's scores to be there, starting a scoring run if they are not; then it
judges, outside of any transaction, and writes the results in one. May be called twice."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.errors import DomainError
from app.core.jobs import stop_requested
from app.evaluation import comparisons, load_set, runs
from app.evaluation.config import parse_evaluation_config
from app.evaluation.models import Evaluation, EvaluationProblem, EvaluationSet
from app.scoring import runs as scoring
from app.scoring.models import ScoringRun

LOOK_AGAIN_S = 2.0
TELL_S = 0.5
log = logging.getLogger("stepmark.evaluation")


class Ended(Exception):
    """Cancelled, or the worker is ending."""


class CannotJudge(DomainError):
    status, code = 409, "cannot_judge"


def advance(evaluation_id: int) -> bool:
    """True: look again soon. False: it is over."""
    try:
        with transaction() as db:
            folder = _folder(db, evaluation_id)
        if folder is not None:
            _register(evaluation_id, folder)
        with transaction() as db:
            waiting = _prepare(db, evaluation_id)
        if waiting is not None:
            return waiting
        _judge(evaluation_id)
    except OperationalError:
        raise  # the database went away: nothing is wrong with the evaluation, the sweep comes back
    except Ended:
        return bool(stop_requested.is_set())
    except Exception as error:
        _fail(evaluation_id, error)
    return False


def _folder(db: Session, evaluation_id: int) -> str | None:
    found = db.get(Evaluation, evaluation_id)
    if found is None or found.state not in runs.ACTIVE or found.model_id is not None:
        return None
    return found.folder


def _register(evaluation_id: int, folder: str) -> None:
    """A folder made elsewhere becomes a model of the project's, checked and copied."""
    from app.evaluation import external_models

    with transaction() as db:
        project_id = db.get_one(Evaluation, evaluation_id).project_id
    made = external_models.import_checkpoint(folder)
    with transaction() as db:
        evaluation = runs.locked(db, evaluation_id)
        if evaluation is not None and evaluation.state in runs.ACTIVE:
            evaluation.model_id = external_models.register_model(db, project_id, folder, made)


def _prepare(db: Session, evaluation_id: int) -> bool | None:
    """True: something has to be waited for. False: it is over. None: go on and judge."""
    found = runs.locked(db, evaluation_id)
    if found is None or found.state not in runs.ACTIVE:
        return False
    if found.state == "queued":
        found.state, found.started_at = "running", dt.datetime.now(dt.UTC)
    frozen = db.get_one(EvaluationSet, found.evaluation_set_id)
    if frozen.state == "failed":
        raise CannotJudge(f"The set could not be frozen: {frozen.error}")
    if frozen.state != "ready":
        found.progress = {"phase": "waiting for the set to be frozen"}
        return True
    if found.model_id is not None and _scores_are_awaited(db, found, frozen):
        return True
    found.progress = {"phase": "reading"}
    return None


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
        run = scoring.start(db, found.project_id, found.model_id, splits)
    found.scoring_run_id = run.id
    if run.state in ("failed", "cancelled"):
        raise CannotJudge(f"Its scoring was {run.state}. {run.error or ''}".strip())
    found.progress = {"phase": "waiting for scores", "done": run.done, "total": run.total}
    return run.state != "succeeded"


def _judge(evaluation_id: int) -> None:
    from app.evaluation import report, step_metrics

    with transaction() as db:
        found = db.get_one(Evaluation, evaluation_id)
        config = parse_evaluation_config(found.config)
        given = load_set.load_evaluation_data(db, found, config)
    last = [0.0]

    def tell(phase: str, done: int, total: int) -> None:
        if time.monotonic() - last[0] > TELL_S:
            last[0] = time.monotonic()
            _note(evaluation_id, {"phase": phase, "done": done, "total": total})

    results: dict[str, Any] = {"left_out": given.left_out, "best_of_n": None}
    problems: list[dict[str, Any]] = []
    if given.pool.problems:
        curves = report.compute_curves(given.pool, config, tell)
        results["best_of_n"] = report.build_report(given.pool, curves, config)
        problems = list(report.problem_rows(given.pool, curves))
    results["first_error"] = step_metrics.first_error_metrics(given.labeled, config)
    results["calibration"] = step_metrics.calibration_metrics(given.labeled, config)
    _keep(evaluation_id, results, problems)


def _note(evaluation_id: int, progress: dict[str, Any]) -> None:
    """Say how far it is; Ended if nobody wants to know any more."""
    if stop_requested.is_set():
        raise Ended
    with transaction() as db:
        still = update(Evaluation).where(Evaluation.id == evaluation_id, Evaluation.state == "running")
        changed = db.execute(still.values(progress=progress).returning(Evaluation.id)).first()
    if changed is None:
        raise Ended


def _keep(evaluation_id: int, results: dict[str, Any], problems: list[dict[str, Any]]) -> None:
    with transaction() as db:
        found = runs.locked(db, evaluation_id)
        if found is None or found.state != "running":
            return
        if problems:
            rows = [{"evaluation_id": evaluation_id, **each} for each in problems]
            db.execute(insert(EvaluationProblem), rows)
        found.results, found.state, found.error = results, "succeeded", None
        found.progress, found.finished_at = {}, dt.datetime.now(dt.UTC)
        db.flush()
        comparisons.with_the_one_before(db, found)


def _fail(evaluation_id: int, error: Exception) -> None:
    """The reason is for the page. An error nobody foresaw is also in the worker's log."""
    if isinstance(error, DomainError):
        reason = f"{error.message} {error.remedy}".strip()
    else:
        log.exception("evaluation %s failed", evaluation_id, exc_info=error)
        reason = f"{type(error).__name__}: {str(error)[:2000]}"
    with transaction() as db:
        found = runs.locked(db, evaluation_id)
        if found is not None and found.state in runs.ACTIVE:
            found.state, found.error = "failed", reason
            found.finished_at = dt.datetime.now(dt.UTC)


def sweep() -> None:
    """Every minute: one whose worker died gets a new look; a set that nobody froze is frozen."""
    from app.core.jobs import enqueue

    with transaction() as db:
        for evaluation_id in db.scalars(select(Evaluation.id).where(Evaluation.state.in_(runs.ACTIVE))).all():
            runs.kick(db, evaluation_id)
        waiting = select(EvaluationSet.id).where(EvaluationSet.state == "queued")
        for set_id in db.scalars(waiting).all():
            enqueue(db, "evaluation.freeze", once=f"freeze-{set_id}", set_id=set_id)
        comparisons.sweep(db)
