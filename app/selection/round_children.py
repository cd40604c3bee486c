"""The child runs of a round: the training, the scoring and the sampling that its stages wait for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.run_kinds import R
from app.core.run_lifecycle import ACTIVE
from app.core.run_models import Run
from app.generators.models import SamplingRun
from app.scoring.models import ScoringRun
from app.selection.models import Round
from app.training.models import TrainingRun


def find_child(db: Session, round_: Round, table: type[R]) -> R | None:
    """The newest run of its kind. Skips a run that is still being cancelled."""
    query = select(table).where(
        table.parent_id == round_.id, table.cancel_requested_at.is_(None) | table.state.not_in(ACTIVE)
    )
    query = query.order_by(table.id.desc()).limit(1)
    return db.scalar(query, execution_options={"populate_existing": True})


def list_waited_for(db: Session, round_: Round) -> list[Run]:
    """The training and the scoring that its stages wait for."""
    children = (find_child(db, round_, TrainingRun), find_child(db, round_, ScoringRun))
    return [child for child in children if child is not None]


def outputs_to_json(db: Session, round_: Round) -> dict[str, Any]:
    """The outputs of the round so far, by name."""
    names = ("snapshot_id", "model_id", "gate", "generation_id", "queued")
    columns = {name: getattr(round_, name) for name in names}
    kinds = {"training_run_id": TrainingRun, "scoring_run_id": ScoringRun, "sampling_run_id": SamplingRun}
    children = {name: find_child(db, round_, table) for name, table in kinds.items()}
    ids = {name: child.id for name, child in children.items() if child is not None}
    return {name: value for name, value in columns.items() if value is not None} | ids
