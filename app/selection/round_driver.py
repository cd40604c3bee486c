"""What moves a round along: one call does whatever can be done now. It may be called twice,
by two workers, at any moment: the round's row is locked while a stage runs, and each stage
stores what it made in the same transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.core import run_lifecycle, run_worker
from app.core.db import transaction
from app.selection import config, rounds
from app.selection.models import STAGES as ORDER
from app.selection.models import Round
from app.selection.stages import STAGES

DELAY_S = 2


def run(kind: rounds.RoundKind, round_id: int) -> None:
    """The job: do what is possible now. It is called again while the round waits for a child run."""
    if advance(round_id):
        with transaction() as db:
            run_lifecycle.enqueue_run(db, db.get_one(Round, round_id), after_s=DELAY_S)


def advance(round_id: int) -> bool:
    """Run stages until one must wait (True: call again) or the round has finished (False)."""
    return run_worker.advance_in_worker(rounds.KIND, round_id, _advance)


def _advance(round_: Round) -> bool:
    waiting: bool | None = None
    while waiting is None:
        with transaction() as db:
            waiting = _run_stage(db, run_worker.require_attempt(db, round_, Round))
    return waiting


def _run_stage(db: Session, round_: Round) -> bool | None:
    """True: waiting. False: finished. None: this stage is done and the next one follows."""
    round_.progress = {"phase": round_.stage}
    if not STAGES[round_.stage](db, round_, config.parse(round_.config)):
        return True
    if round_.stage == ORDER[-1]:
        db.flush()
        run_lifecycle.record_success(db, round_.id, round_.fence)
        return False
    round_.stage = ORDER[ORDER.index(round_.stage) + 1]
    return None
