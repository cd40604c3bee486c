"""Training runs: how their settings are checked, and starting one. The rest of a run's life is
app/core/run_lifecycle.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.core import model_paths
from app.core.base_models import find_base
from app.core.config_file import parse_config
from app.core.errors import Invalid, NotFound
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import create_run
from app.prm.config import TrainConfig
from app.prm.objectives import get_objective
from app.training import snapshots
from app.training.models import Snapshot, TrainingRun
from app.training.snapshot_definition import SnapshotDefinition


class TrainingKind(RunKind[TrainingRun]):
    name = "training"
    label = "Training"
    noun = "training"
    table = TrainingRun
    process = "app.training.process"
    executor = "app.training.launcher:run"
    page = "/training-runs/{id}"
    queue = "training"
    silence_s = 60
    stop_patience_s = 25
    """The process writes a checkpoint first."""
    reports_heartbeats = True
    cancels_gracefully = True

    def validate(self, db: Session, run: TrainingRun) -> None:
        if run.snapshot_id is not None:
            definition = db.get_one(Snapshot, run.snapshot_id).definition
        else:
            parsed = parse_config(SnapshotDefinition, run.data or {})
            snapshots.require_labels(db, run.project_id, parsed)
            definition = parsed.to_json()
        config = parse_train_config(run.config, run.project_id)
        check_labels(config.objective, definition)
        run.config = config.to_json()


KIND = register(TrainingKind())


def start(
    db: Session,
    project_id: int,
    snapshot_id: int,
    config: dict[str, Any],
    user_id: int | None,
    parent_id: int | None = None,
) -> TrainingRun:
    """A queued run over the snapshot. Raises Invalid for a wrong option."""
    snapshot = db.get(Snapshot, snapshot_id)
    if snapshot is None or snapshot.project_id != project_id:
        raise NotFound(f"This project has no snapshot {snapshot_id}.")
    run = TrainingRun(project_id=project_id, config=config, created_by=user_id, parent_id=parent_id)
    run.snapshot_id = snapshot_id
    return create_run(db, run)


def start_with(
    db: Session, project_id: int, data: dict[str, Any], config: dict[str, Any], user_id: int | None
) -> TrainingRun:
    """A queued run over the labels that `data` names; its process creates their snapshot. Raises Invalid for
    a wrong option, or if there is no label."""
    definition = snapshots.validate_definition(db, project_id, data)
    run = TrainingRun(project_id=project_id, config=config, created_by=user_id, data=definition.to_json())
    return create_run(db, run)


def check_labels(objective_id: str, definition: dict[str, Any]) -> None:
    """Raises Invalid if the objective does not learn from labels of this kind."""
    objective = get_objective(objective_id)
    source, soft = definition.get("source", "people"), bool(definition.get("soft"))
    if source in objective.label_sources and soft == objective.soft_labels:
        return
    labels = f"{'soft ' if soft else ''}labels of {source}"
    sources = " or ".join(objective.label_sources)
    raise Invalid(
        f"The objective {objective.id} does not learn from {labels}.",
        remedy=f"It learns from {'soft ' if objective.soft_labels else ''}labels of {sources}.",
    )


def parse_train_config(options: dict[str, Any], project_id: int | None = None) -> TrainConfig:
    """The training options. Raises Invalid for a wrong option, or for a base outside the allowed folders."""
    config = parse_config(TrainConfig, options)
    if config.base is not None and config.revision is None:
        folder = model_paths.resolve_model_path(
            config.base, project_id, or_else="for a model by ID, give its pinned revision"
        )
        if find_base(config.base) is not None:  # a name, which the trainer does not know
            config = config.replace(base=str(folder))
    return config
