"""Cancelling and resuming a run of any kind, and who did it."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.core import run_lifecycle
from app.core.errors import Busy, Forbidden
from app.core.lock_wait import bounded_lock_wait
from app.core.run_kinds import get_kind
from app.core.run_models import Run
from app.projects.access import Access

R = TypeVar("R", bound=Run)


def record_start(db: Session, run: Run, user: User | None) -> None:
    _audit(db, run, user, "start")


def cancel_run(db: Session, run: R, user: User | None) -> R:
    with bounded_lock_wait(db, _busy(run)):
        cancelled = run_lifecycle.cancel_run(db, run, user.id if user else None)
    _audit(db, run, user, "cancel")
    return cancelled


def resume_run(db: Session, run: R, user: User | None) -> R:
    with bounded_lock_wait(db, _busy(run)):
        resumed = run_lifecycle.resume_run(db, run, user.id if user else None)
    _audit(db, run, user, "resume")
    return resumed


def require_access(access: Access, run: Run) -> None:
    """A run of a kind that is for admins is theirs alone."""
    kind = get_kind(run)
    if not access.at_least(kind.role):
        raise Forbidden(
            f"Only a project {kind.role} can see this run.", remedy="Ask an admin of the project."
        )


def _busy(run: Run) -> Busy:
    return Busy(
        f"The process of this {get_kind(run).noun} holds it and does not answer. Nothing was changed.",
        remedy="Try again in a few seconds. If this does not change, check whether the process was stopped.",
    )


def _audit(db: Session, run: Run, user: User | None, verb: str) -> None:
    subject = f"{run.kind} {run.id}"
    audit.record_event(db, user, f"{run.kind}.{verb}", subject=subject, project_id=run.project_id)
