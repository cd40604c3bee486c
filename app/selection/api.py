"""The JSON API of selection: rounds and generations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from app.core.db import Db
from app.projects.access import Researcher
from app.runs import actions
from app.selection import preview, queries, rounds
from app.selection.config import RoundConfig
from app.selection.models import Round
from app.selection.round_children import outputs_to_json

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["selection"])
ConfigBody = Annotated[
    RoundConfig,
    Body(
        description="The round's config. Every field has a default.",
        examples=[{"policy": {"size": 200, "shares": {"convincing_wrong": 0.8, "most_convincing": 0.2}}}],
    ),
]
DEFAULT = RoundConfig()


def round_to_json(db: Db, round_: Round) -> dict[str, Any]:
    return {
        "id": round_.id,
        "generation": round_.generation,
        "state": round_.state,
        "stage": round_.stage,
        "error": round_.error,
        "config": round_.config,
        "outputs": outputs_to_json(db, round_),
        "stages": rounds.progress(db, round_),
        "created_at": round_.created_at,
        "started_at": round_.started_at,
        "finished_at": round_.finished_at,
    }


@router.post("/rounds", status_code=201)
def start_round(access: Researcher, db: Db, config: ConfigBody = DEFAULT) -> dict[str, Any]:
    """Start a round: snapshot, train, score, validate, select, queue. 409 while one is running."""
    started = rounds.start(db, access.project, config, access.user)
    db.refresh(started)
    return round_to_json(db, started)


@router.post("/rounds/preview")
def preview_round(access: Researcher, db: Db, config: ConfigBody = DEFAULT) -> dict[str, Any]:
    """What a round would train on, and what the newest model would queue. Changes nothing."""
    return preview.preview_round(db, access.project, config)


@router.get("/rounds")
def list_rounds(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first."""
    newest = queries.list_rounds(db, access.project.id, limit=100)
    return {"rounds": [round_to_json(db, round_) for round_ in newest]}


@router.get("/rounds/{round_id}")
def get_round(access: Researcher, db: Db, round_id: int) -> dict[str, Any]:
    return round_to_json(db, rounds.find(db, access.project.id, round_id))


@router.post("/rounds/{round_id}/cancellation")
def cancel_round(access: Researcher, db: Db, round_id: int) -> dict[str, Any]:
    return round_to_json(
        db, actions.cancel_run(db, rounds.find(db, access.project.id, round_id), access.user)
    )


@router.post("/rounds/{round_id}/resumption")
def resume_round(access: Researcher, db: Db, round_id: int) -> dict[str, Any]:
    return round_to_json(
        db, actions.resume_run(db, rounds.find(db, access.project.id, round_id), access.user)
    )


@router.get("/generations")
def list_generations(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first, with what was labeled and how long it took."""
    return {
        "generations": [generation_to_json(row) for row in queries.list_generations(db, access.project.id)]
    }


def generation_to_json(row: dict[str, Any]) -> dict[str, Any]:
    generation, model = row["generation"], row["model"]
    counts = {key: value for key, value in row.items() if key not in ("generation", "model", "gate")}
    return {
        **counts,
        "model": {"id": model.id, "name": model.name, "metrics": model.metrics} if model else None,
        "snapshot_id": generation.snapshot_id if generation else None,
        "policy": generation.policy if generation else {},
        "funnel": generation.funnel if generation else {},
        "created_at": generation.created_at if generation else None,
    }
