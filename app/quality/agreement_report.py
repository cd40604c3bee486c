"""The stored agreement of labelers for the quality pages, and the request to recompute it.

A page never computes agreement. It shows the stored values and their time. If submissions changed since
then, or nothing was computed yet, the page requests a report from the worker, at most once a minute."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import run_lifecycle
from app.core.errors import NotFound
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import FINISHED
from app.problems.models import Problem, Solution
from app.quality.agreement_job import SELECT_BASIS
from app.quality.agreement_metrics import Figure
from app.quality.models import AgreementReport, AgreementValue

REFRESH_INTERVAL = dt.timedelta(minutes=1)
"""Minimum time between two automatic computations."""
NO_VALUE = Figure(None, None, None, 0, 0)


class AgreementKind(RunKind[AgreementReport]):
    name = "agreement"
    label = "Agreement"
    noun = "agreement report"
    table = AgreementReport
    executor = "app.quality.agreement_job:run"
    in_worker = True

    def job_lock(self, run: AgreementReport) -> str:
        return f"agreement-{run.project_id}"

    def can_resume(self, db: Session, run: AgreementReport) -> bool:
        return run.state in FINISHED


KIND = register(AgreementKind())


@dataclass(frozen=True)
class AgreementSummary:
    state: str
    """State of the run; none without submissions."""
    phase: str
    """reading or resampling, while the run is running."""
    computed_at: dt.datetime | None
    changed: int
    """Submissions added or removed since `computed_at`; at least 1 if any changed."""
    done: int
    total: int
    alpha: Figure = NO_VALUE
    first_error: Figure = NO_VALUE
    generations: tuple[tuple[int | None, Figure, Figure], ...] = ()
    pairs: tuple[tuple[int, int, Figure], ...] = ()

    @property
    def is_active(self) -> bool:
        return self.state in ("queued", "running")


def get_report(
    db: Session, project_id: int, now: dt.datetime, user_id: int | None = None
) -> AgreementSummary:
    """Agreement in the project, or of one labeler with others. Requests a new report if it is out of date."""
    basis = db.execute(SELECT_BASIS, {"project": project_id}).one()
    report = find_report(db, project_id)
    difference = basis.submissions - (report.submissions if report else 0)
    changed = report is None or difference != 0 or basis.last_submission_at != report.last_submission_at
    if changed and (basis.submissions or report) and can_auto_refresh(report, now):
        request_report(db, project_id, now)
        report = find_report(db, project_id)
    if report is None:
        return AgreementSummary("none", "", None, 0, 0, 0)
    progress = report.progress
    return AgreementSummary(
        report.state,
        "resampling" if progress.get("phase") == "resampling" else "reading",
        report.computed_at,
        max(abs(difference), int(changed)),
        progress.get("done", 0),
        progress.get("total", 0),
        **load_values(db, project_id, user_id),
    )


def find_report(db: Session, project_id: int) -> AgreementReport | None:
    query = select(AgreementReport).where(AgreementReport.project_id == project_id)
    return db.scalar(query, execution_options={"populate_existing": True})


def can_auto_refresh(report: AgreementReport | None, now: dt.datetime) -> bool:
    """Whether a page may request a report. A failed run is repeated only on request."""
    if report is None:
        return True
    last = max(report.requested_at, report.computed_at or report.requested_at)
    return report.state == "succeeded" and last < now - REFRESH_INTERVAL


def request_report(db: Session, project_id: int, now: dt.datetime, user_id: int | None = None) -> None:
    """Queue the computation unless it is queued or running."""
    run = find_report(db, project_id)
    locked = run_lifecycle.lock_run(db, run.id, AgreementReport) if run else None
    if locked is None:
        _create_report(db, project_id, now, user_id)
    elif locked.state in FINISHED:
        run_lifecycle.resume_run(db, locked, user_id)
        locked.requested_at = now
        db.flush()


def _create_report(db: Session, project_id: int, now: dt.datetime, user_id: int | None) -> None:
    run = AgreementReport(project_id=project_id, created_by=user_id, requested_at=now)
    with contextlib.suppress(IntegrityError), db.begin_nested():  # another request created the report
        run_lifecycle.create_run(db, run)


def load_values(db: Session, project_id: int, user_id: int | None) -> dict[str, Any]:
    query = select(AgreementValue).where(AgreementValue.project_id == project_id)
    if user_id is None:
        query = query.where(AgreementValue.scope.in_(("project", "generation")))
    else:
        has_labeler = (AgreementValue.user_id == user_id) | (AgreementValue.other_id == user_id)
        query = query.where(has_labeler)
    overall: dict[str, Figure] = {}
    generations: dict[int | None, dict[str, Figure]] = {}
    pairs = []
    for row in db.scalars(query.order_by(AgreementValue.generation, AgreementValue.solutions.desc())):
        figure = Figure(row.value, row.low, row.high, row.pairs, row.solutions)
        if row.scope == "generation":
            generations.setdefault(row.generation, {})[row.measure] = figure
        elif row.user_id is not None and row.other_id is not None:
            pairs.append((row.user_id, row.other_id, figure))
        else:
            overall[row.measure] = figure
    by_generation = tuple(
        (number, figures.get("alpha", NO_VALUE), figures.get("first_error", NO_VALUE))
        for number, figures in generations.items()
    )
    return {**overall, "generations": by_generation, "pairs": tuple(pairs)}


def list_shared_solutions(
    db: Session, project_id: int, value: AgreementValue
) -> list[tuple[Solution, Problem]]:
    """The newest solutions that a value is computed from."""
    query = select(Solution, Problem).join(Problem).where(Solution.project_id == project_id)
    query = query.where(Solution.id.in_(value.newest_solution_ids)).order_by(Solution.id.desc())
    return [(row[0], row[1]) for row in db.execute(query)]


def get_value(
    db: Session,
    project_id: int,
    scope: str,
    generation: int | None,
    user_id: int | None,
    other_id: int | None,
) -> AgreementValue:
    value = db.scalar(
        select(AgreementValue)
        .where(AgreementValue.project_id == project_id, AgreementValue.scope == scope)
        .where(AgreementValue.generation.is_not_distinct_from(generation))
        .where(AgreementValue.user_id.is_not_distinct_from(user_id))
        .where(AgreementValue.other_id.is_not_distinct_from(other_id))
        .order_by(AgreementValue.measure)
        .limit(1)
    )
    if value is None:
        raise NotFound("Agreement not found.", remedy="Agreement may have changed. Open the quality page.")
    return value
