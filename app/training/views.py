"""Pages of training: runs, the models they published, the snapshots they learned from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.accounts import users
from app.core.db import Db
from app.core.errors import Invalid
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS
from app.core.web import redirect, render, render_polled
from app.prm.config import SIZES, kind_of
from app.projects.access import Researcher
from app.runs import actions
from app.training import label_sources, queries, rollout_labels, runs
from app.training.models import Model, TrainingRun

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)


@router.get("/training-runs")
def runs_page(request: Request, access: Researcher, db: Db) -> Response:
    models = queries.list_models(db, access.project.id)
    return render(
        request,
        "training/runs.html",
        runs=queries.list_runs(db, access.project.id),
        sizes=tuple(SIZES),
        rolled=rollout_labels.list_generators_with_rollouts(db, access.project.id),
        teachers=[model for model in models if model.kind == "prm"],
    )


@router.post("/training-runs")
def start_run(
    access: Researcher,
    db: Db,
    size: Annotated[str, Form()] = "small",
    epochs: Annotated[float, Form()] = 3.0,
    objective: Annotated[str, Form()] = "prm3",
    teacher: Annotated[int, Form(ge=0, lt=2**62)] = 0,
    threshold: Annotated[float, Form()] = 0.2,
    rollouts: Annotated[int, Form(ge=0, lt=2**62)] = 0,
    aggregation: Annotated[str, Form(max_length=40)] = "majority",
    base: Annotated[str, Form(max_length=500)] = "",
    label_tokens: Annotated[str, Form(max_length=200)] = "",
    lora_rank: Annotated[int, Form(ge=0, le=1024)] = 0,
) -> Response:
    source: dict[str, Any] = {"source": "verdicts"} if kind_of(objective) == "orm" else {}
    if teacher:
        source = {"source": "model", "model_id": teacher, "threshold": threshold}
    if teacher and rollouts:
        raise Invalid("Labels come from one source.", remedy="Choose a model's or a generator's, not both.")
    if rollouts:
        source = {"source": "rollouts", "generator_id": rollouts, "soft": objective == "soft"}
    source["aggregation"] = aggregation
    config: dict[str, Any] = {"size": size, "epochs": epochs, "objective": objective, "lora_rank": lora_rank}
    if base.strip():
        config["base"] = base.strip()
    if label_tokens.strip():
        config["label_tokens"] = label_tokens.split()
    started = runs.start_with(db, access.project.id, source, config, access.user.id)
    actions.record_start(db, started, access.user)
    return redirect(f"{access.home}/training-runs/{started.id}", "The training is on its way.")


@router.get("/training-runs/{run_id}")
def run_page(request: Request, access: Researcher, db: Db, run_id: int) -> Response:
    found = queries.get_run(db, access.project.id, run_id)
    frozen = queries.get_snapshot(db, access.project.id, found.snapshot_id) if found.snapshot_id else None
    return render(
        request,
        "training/run.html",
        snapshot=frozen,
        labels=label_sources.describe_source(frozen.definition if frozen else found.data or {}),
        by=users.find_user_by_id(db, found.created_by),
        points=queries.has_metrics(db, found.id),
        **_live(db, found),
    )


@router.get("/training-runs/{run_id}/progress")
def run_progress(request: Request, access: Researcher, db: Db, run_id: int) -> Response:
    found = queries.get_run(db, access.project.id, run_id)
    return render_polled(request, "training/_run.html", over=found.state not in ACTIVE, **_live(db, found))


@router.get("/training-runs/{run_id}/curve")
def run_curve(access: Researcher, db: Db, run_id: int) -> dict[str, list[Any]]:
    return queries.load_curve(db, queries.get_run(db, access.project.id, run_id).id)


@router.post("/training-runs/{run_id}/cancellation")
def cancel_run(access: Researcher, db: Db, run_id: int) -> Response:
    actions.cancel_run(db, queries.get_run(db, access.project.id, run_id), access.user)
    return redirect(
        f"{access.home}/training-runs/{run_id}",
        "The training is told to end. Its checkpoint is kept.",
        "note",
    )


@router.post("/training-runs/{run_id}/resumption")
def resume_run(access: Researcher, db: Db, run_id: int) -> Response:
    actions.resume_run(db, queries.get_run(db, access.project.id, run_id), access.user)
    return redirect(f"{access.home}/training-runs/{run_id}", "The training goes on from its checkpoint.")


@router.get("/models")
def models_page(request: Request, access: Researcher, db: Db) -> Response:
    return render(request, "training/models.html", models=queries.list_models(db, access.project.id))


@router.get("/snapshots/{snapshot_id}")
def snapshot_page(request: Request, access: Researcher, db: Db, snapshot_id: int) -> Response:
    found = queries.get_snapshot(db, access.project.id, snapshot_id)
    return render(
        request,
        "training/snapshot.html",
        snapshot=found,
        source=label_sources.describe_source(found.definition),
        items=queries.list_items(db, found.id),
        by=users.find_user_by_id(db, found.created_by),
    )


def _live(db: Db, found: TrainingRun) -> dict[str, Any]:
    made: Model | None = queries.find_model_of_run(db, found.id)
    return {"run": found, "model": made, "attempts": MAX_ATTEMPTS}
