"""What moves a round along: one call does whatever can be done now. It may be called twice,
by two workers, at any moment: the round's row is locked while a stage runs, and each stage
remembers what it made in the same transaction."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.db import transaction
from app.core.errors import DomainError
from app.core.jobs import enqueue
from app.selection import config
from app.selection.models import STAGES as ORDER
from app.selection.models import Round
from app.selection.stages import STAGES

ACTIVE = ("queued", "running")
LOOK_AGAIN_S = 2
log = logging.getLogger("stepmark.round")


def kick(db: Session, round_id: int, after_s: float | None = None) -> None:
    """Have the worker look at the round; at most one such job waits."""
    enqueue(db, "selection.advance", once=f"round {round_id}", after_s=after_s, round_id=round_id)


def advance(round_id: int) -> bool:
    """Runs stages until one has to wait (True: look again) or the round is over (False)."""
    while True:
        try:
            with transaction() as db:
                going = _one_stage(db, round_id)
        except OperationalError:
            raise  # the database went away: nothing is wrong with the round, the sweep comes back
        except Exception as error:
            _fail(round_id, error)
            return False
        if going is not None:
            return going


def _one_stage(db: Session, round_id: int) -> bool | None:
    """True: waiting. False: over. None: this stage is done, go on with the next."""
    round_ = locked(db, round_id)
    if round_ is None or round_.state not in ACTIVE:
        return False
    if round_.state == "queued":
        round_.state, round_.started_at = "running", dt.datetime.now(dt.UTC)
    if not STAGES[round_.stage](db, round_, config.parse(round_.config)):
        return True
    if round_.stage == ORDER[-1]:
        round_.state, round_.finished_at = "succeeded", dt.datetime.now(dt.UTC)
        return False
    round_.stage = ORDER[ORDER.index(round_.stage) + 1]
    return None


def _fail(round_id: int, error: Exception) -> None:
    """The reason is for the page. An error nobody foresaw is also in the worker's log."""
    if isinstance(error, DomainError):
        reason = f"{error.message} {error.remedy}".strip()
    else:
        log.exception("round %s failed", round_id, exc_info=error)
        reason = f"{type(error).__name__}: {str(error)[:2000]}"
    with transaction() as db:
        round_ = locked(db, round_id)
        if round_ is not None and round_.state in ACTIVE:
            round_.state, round_.error = "failed", reason
            round_.finished_at = dt.datetime.now(dt.UTC)


def locked(db: Session, round_id: int) -> Round | None:
    return db.scalar(
        select(Round).where(Round.id == round_id).with_for_update().execution_options(populate_existing=True)
    )


def sweep() -> int:
    """Every minute: a round whose driver died with its worker gets a new one."""
    with transaction() as db:
        active = db.scalars(select(Round.id).where(Round.state.in_(ACTIVE))).all()
        for round_id in active:
            kick(db, round_id)
    return len(active)
