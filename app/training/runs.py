"""Training runs: how their settings are checked, and starting one. The rest of a run's life is
app/core/run_lifecycle.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.common.config import ConfigError
from app.core import model_paths
from app.core.errors import Invalid, NotFound
from app.core.run_kinds import RunKind, register
from app.core.run_lifecycle import create_run
from app.prm.config import TrainConfig, kind_of
from app.training import label_sources, snapshots
from app.training.models import Snapshot, TrainingRun


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
        definition = run.data
        if run.snapshot_id is not None:
            definition = db.get_one(Snapshot, run.snapshot_id).definition
        else:
            snapshots.require_labels(db, run.project_id, run.data or {})
        parsed = parse_config(run.config)
        check_labels(parsed.objective, definition or {})
        run.config = parsed.as_json()


KIND = register(TrainingKind())


def start(
    db: Session,
    project_id: int,
    snapshot_id: int,
    config: dict[str, Any],
    user_id: int | None,
    parent_id: int | None = None,
) -> TrainingRun:
    """A queued run over the snapshot. Invalid names the option that is wrong."""
    snapshot = db.get(Snapshot, snapshot_id)
    if snapshot is None or snapshot.project_id != project_id:
        raise NotFound(f"This project has no snapshot {snapshot_id}.")
    run = TrainingRun(project_id=project_id, config=config, created_by=user_id, parent_id=parent_id)
    run.snapshot_id = snapshot_id
    return create_run(db, run)


def start_with(
    db: Session, project_id: int, data: dict[str, Any], config: dict[str, Any], user_id: int | None
) -> TrainingRun:
    """A queued run over the labels that `data` names; its process freezes them (frozen.py). Invalid
    names the option that is wrong, or says that there is no such label."""
    definition = snapshots.validate_definition(db, project_id, data)
    run = TrainingRun(project_id=project_id, config=config, created_by=user_id, data=definition)
    return create_run(db, run)


def check_labels(objective: str, definition: dict[str, Any]) -> None:
    """An objective learns from labels of its kind, or not at all."""
    source = definition.get("source", "people")
    if (objective == "soft") != bool(definition.get("soft")):
        raise Invalid(
            f"The objective {objective} does not learn from {label_sources.describe_source(definition)}.",
            remedy='The objective "soft" learns from labels of the source "rollouts" with "soft": true, '
            "and nothing else does.",
        )
    if (kind_of(objective) == "orm") != (source == "verdicts"):
        raise Invalid(
            f"The objective {objective} does not learn from {label_sources.describe_source(definition)}.",
            remedy='An outcome model (orm, verifier_*) needs labels of the source "verdicts"; '
            "a process model (prm3, prm2) those of people or of a model.",
        )


def parse_config(config: dict[str, Any]) -> TrainConfig:
    try:
        parsed = TrainConfig.parse(config)
    except ConfigError as error:
        raise Invalid(f"The training config is wrong: {error}.") from error
    if parsed.base is not None and parsed.revision is None:
        model_paths.resolve_model_path(parsed.base, or_else="for a model by id, give its pinned revision")
    return parsed
