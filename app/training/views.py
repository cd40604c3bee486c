"""Pages of training: runs, the models they published, the snapshots they learned from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.accounts import users
from app.core import base_models
from app.core.db import Db
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS
from app.core.web import redirect, render, render_polled
from app.prm.config import SIZES
from app.prm.objectives import OBJECTIVES
from app.projects.access import Researcher
from app.runs import actions
from app.training import external_labels, label_sources, queries, rollout_labels, runs
from app.training.aggregation import AGGREGATIONS, get_aggregation
from app.training.forms import TrainingForm
from app.training.models import Model, TrainingRun
from app.training.warnings import list_warnings

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)


@router.get("/training-runs")
def runs_page(request: Request, access: Researcher, db: Db) -> Response:
    generators = rollout_labels.list_generators_with_rollouts(db, access.project.id)
    objectives = [
        objective
        for objective in OBJECTIVES.values()
        if generators or objective.label_sources != (rollout_labels.RolloutLabels.id,)
    ]
    return render(
        request,
        "training/runs.html",
        runs=queries.list_runs(db, access.project.id),
        sizes=tuple(SIZES),
        objectives=objectives,
        aggregations=AGGREGATIONS.values(),
        generators=generators,
        external_sources=external_labels.list_label_sources(db, access.project.id),
        bases=base_models.list_bases(),
        prms=[model for model in queries.list_models(db, access.project.id) if model.kind == "prm"],
    )


@router.post("/training-runs")
def start_run(access: Researcher, db: Db, form: Annotated[TrainingForm, Form()]) -> Response:
    run = runs.start_with(db, access.project.id, form.definition(), form.config(), access.user.id)
    actions.record_start(db, run, access.user)
    return redirect(f"{access.home}/training-runs/{run.id}", "Training started.")


@router.get("/training-runs/{run_id}")
def run_page(request: Request, access: Researcher, db: Db, run_id: int) -> Response:
    run = queries.get_run(db, access.project.id, run_id)
    snapshot = queries.get_snapshot(db, access.project.id, run.snapshot_id) if run.snapshot_id else None
    return render(
        request,
        "training/run.html",
        snapshot=snapshot,
        labels=label_sources.describe_source(snapshot.definition if snapshot else run.data or {}),
        by=users.find_user_by_id(db, run.created_by),
        points=queries.has_metrics(db, run.id),
        **_live(db, run),
    )


@router.get("/training-runs/{run_id}/progress")
def run_progress(request: Request, access: Researcher, db: Db, run_id: int) -> Response:
    run = queries.get_run(db, access.project.id, run_id)
    return render_polled(request, "training/_run.html", over=run.state not in ACTIVE, **_live(db, run))


@router.get("/training-runs/{run_id}/curve")
def run_curve(access: Researcher, db: Db, run_id: int) -> dict[str, list[Any]]:
    return queries.load_curve(db, queries.get_run(db, access.project.id, run_id).id)


@router.post("/training-runs/{run_id}/cancellation")
def cancel_run(access: Researcher, db: Db, run_id: int) -> Response:
    actions.cancel_run(db, queries.get_run(db, access.project.id, run_id), access.user)
    return redirect(
        f"{access.home}/training-runs/{run_id}",
        "Cancelling; the checkpoint is kept.",
        "note",
    )


@router.post("/training-runs/{run_id}/resumption")
def resume_run(access: Researcher, db: Db, run_id: int) -> Response:
    actions.resume_run(db, queries.get_run(db, access.project.id, run_id), access.user)
    return redirect(f"{access.home}/training-runs/{run_id}", "Training resumed from its checkpoint.")


@router.get("/models")
def models_page(request: Request, access: Researcher, db: Db) -> Response:
    return render(
        request,
        "training/models.html",
        models=queries.list_models(db, access.project.id),
        bases=base_models.list_bases(),
    )


@router.get("/snapshots/{snapshot_id}")
def snapshot_page(request: Request, access: Researcher, db: Db, snapshot_id: int) -> Response:
    snapshot = queries.get_snapshot(db, access.project.id, snapshot_id)
    return render(
        request,
        "training/snapshot.html",
        snapshot=snapshot,
        source=label_sources.describe_source(snapshot.definition),
        aggregation=get_aggregation(snapshot.definition),
        items=queries.list_items(db, snapshot.id),
        by=users.find_user_by_id(db, snapshot.created_by),
    )


def _live(db: Db, run: TrainingRun) -> dict[str, Any]:
    model: Model | None = queries.find_model_of_run(db, run.id)
    return {
        "run": run,
        "model": model,
        "attempts": MAX_ATTEMPTS,
        "aggregation": get_aggregation(run.data or {}),
        "warnings": list_warnings(run),
    }
