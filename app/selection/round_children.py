"""The child runs of a round: the training, the scoring and the sampling that its stages wait for."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.api import Answer
from app.core.run_kinds import R
from app.core.run_lifecycle import ACTIVE
from app.core.run_models import Run
from app.generators.models import SamplingRun
from app.scoring.models import ScoringRun
from app.selection.gate import GateResult
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


class RoundOutputs(Answer):
    """What a round made so far. Null: not yet, or not at all."""

    snapshot_id: int | None = None
    """The snapshot of labels."""
    training_run_id: int | None = None
    """Its training run."""
    model_id: int | None = None
    """The model, trained by the round or named in its config."""
    scoring_run_id: int | None = None
    """Its scoring run."""
    gate: GateResult | None = None
    """Whether the model may select."""
    generation_id: int | None = None
    """The generation."""
    queued: int | None = None
    """Solutions queued."""
    sampling_run_id: int | None = None
    """The run that makes alternatives before queueing."""


def load_outputs(db: Session, round_: Round) -> RoundOutputs:
    kinds = {"training_run_id": TrainingRun, "scoring_run_id": ScoringRun, "sampling_run_id": SamplingRun}
    children = {name: find_child(db, round_, table) for name, table in kinds.items()}
    return RoundOutputs.build(
        round_, **{name: child.id if child else None for name, child in children.items()}
    )
