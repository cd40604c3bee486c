"""How far labelers agree, as it was counted last: what the pages show, and when it is counted anew.

A page never counts. It shows what is kept and when that was; where something was submitted since,
or nothing was ever counted, it asks the worker, at most once a minute."""

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
from app.quality.models import Agreement, AgreementFigure

REST = dt.timedelta(minutes=1)
"""Between two counts that nobody asked for."""
NONE = Figure(None, None, None, 0, 0)
UNDER_WAY = ("waiting", "reading", "resampling")
STATES = {"queued": "waiting", "succeeded": "done", "failed": "failed", "cancelled": "failed"}


class AgreementKind(RunKind[Agreement]):
    name = "agreement"
    label = "Agreement"
    noun = "agreement report"
    table = Agreement
    executor = "app.quality.agreement_job:run"
    in_worker = True

    def job_lock(self, run: Agreement) -> str:
        return f"agreement-{run.project_id}"

    def can_resume(self, db: Session, run: Agreement) -> bool:
        return run.state in FINISHED


KIND = register(AgreementKind())


@dataclass(frozen=True)
class Agreed:
    state: str
    """none: nothing to count yet; waiting for the worker, reading, resampling, done; or failed."""
    counted_at: dt.datetime | None
    since: int
    """Submissions that came (or went) after it was counted; at least 1 where any changed."""
    done: int
    whole: int
    alpha: Figure = NONE
    first_error: Figure = NONE
    generations: tuple[tuple[int | None, Figure, Figure], ...] = ()
    pairs: tuple[tuple[int, int, Figure], ...] = ()

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY


def of(db: Session, project_id: int, now: dt.datetime, user_id: int | None = None) -> Agreed:
    """The project's figures, or one labeler's. Asks the worker where they are old."""
    basis = db.execute(SELECT_BASIS, {"project": project_id}).one()
    found = find(db, project_id)
    since = basis.submissions - found.submissions if found else basis.submissions
    changed = found is None or since != 0 or basis.last_at != found.last_at
    if changed and (basis.submissions or found) and rested(found, now):
        ask(db, project_id, now)
        found = find(db, project_id)
    if found is None:
        return Agreed("none", None, 0, 0, 0)
    kept = rows(db, project_id, user_id)
    since = max(abs(since), int(changed))
    live = found.progress
    phase = "resampling" if live.get("phase") == "resampling" else "reading"
    state = STATES.get(found.state, phase)
    return Agreed(state, found.counted_at, since, live.get("done", 0), live.get("total", 0), **kept)


def find(db: Session, project_id: int) -> Agreement | None:
    query = select(Agreement).where(Agreement.project_id == project_id)
    return db.scalar(query, execution_options={"populate_existing": True})


def rested(found: Agreement | None, now: dt.datetime) -> bool:
    """Whether a page may ask by itself. What failed is not tried again unasked."""
    if found is None:
        return True
    last = max(found.asked_at, found.counted_at or found.asked_at)
    return found.state == "succeeded" and last < now - REST


def ask(db: Session, project_id: int, now: dt.datetime, user_id: int | None = None) -> None:
    """Count anew, unless that is under way."""
    run = find(db, project_id)
    locked = run_lifecycle.lock_run(db, run.id, Agreement) if run else None
    if locked is None:
        _create(db, project_id, now, user_id)
    elif locked.state in FINISHED:
        run_lifecycle.resume_run(db, locked, user_id)
        locked.asked_at = now
        db.flush()


def _create(db: Session, project_id: int, now: dt.datetime, user_id: int | None) -> None:
    run = Agreement(project_id=project_id, created_by=user_id, asked_at=now)
    with contextlib.suppress(IntegrityError), db.begin_nested():  # somebody else asks at the same time
        run_lifecycle.create_run(db, run)


def rows(db: Session, project_id: int, user_id: int | None) -> dict[str, Any]:
    wanted = select(AgreementFigure).where(AgreementFigure.project_id == project_id)
    if user_id is None:
        wanted = wanted.where(AgreementFigure.about.in_(("project", "generation")))
    else:
        mine = (AgreementFigure.user_id == user_id) | (AgreementFigure.other_id == user_id)
        wanted = wanted.where(mine)
    one: dict[str, Figure] = {}
    generations: dict[int | None, dict[str, Figure]] = {}
    pairs = []
    for row in db.scalars(wanted.order_by(AgreementFigure.generation, AgreementFigure.solutions.desc())):
        figure = Figure(row.value, row.low, row.high, row.pairs, row.solutions)
        if row.about == "generation":
            generations.setdefault(row.generation, {})[row.measure] = figure
        elif row.user_id is not None and row.other_id is not None:
            pairs.append((row.user_id, row.other_id, figure))
        else:
            one[row.measure] = figure
    listed = tuple(
        (number, each.get("alpha", NONE), each.get("first_error", NONE))
        for number, each in generations.items()
    )
    return {**one, "generations": listed, "pairs": tuple(pairs)}


def solutions(
    db: Session, project_id: int, generation: int | None, user_id: int | None, other_id: int | None,
    whole: bool,
) -> tuple[AgreementFigure, list[tuple[Solution, Problem]]]:  # fmt: skip
    """The newest solutions a figure rests on. `whole`: of the project, not of generation None."""
    about = "pair" if other_id else "labeler" if user_id else "project" if whole else "generation"
    found = db.scalar(
        select(AgreementFigure)
        .where(AgreementFigure.project_id == project_id, AgreementFigure.about == about)
        .where(AgreementFigure.generation.is_not_distinct_from(generation))
        .where(AgreementFigure.user_id.is_not_distinct_from(user_id))
        .where(AgreementFigure.other_id.is_not_distinct_from(other_id))
        .order_by(AgreementFigure.measure)
        .limit(1)
    )
    if found is None:
        raise NotFound(
            "There is no such figure.", remedy="It may have been counted anew: see the quality page."
        )
    wanted = select(Solution, Problem).join(Problem).where(Solution.id.in_(found.newest))
    return found, [(row[0], row[1]) for row in db.execute(wanted.order_by(Solution.id.desc()))]
