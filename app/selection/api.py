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


def shown(db: Db, found: Round) -> dict[str, Any]:
    return {
        "id": found.id,
        "generation": found.generation,
        "state": found.state,
        "stage": found.stage,
        "error": found.error,
        "config": found.config,
        "outputs": outputs_to_json(db, found),
        "stages": rounds.progress(db, found),
        "created_at": found.created_at,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
    }


@router.post("/rounds", status_code=201)
def start_round(access: Researcher, db: Db, config: ConfigBody = DEFAULT) -> dict[str, Any]:
    """Start a round: snapshot, train, score, validate, select, queue. 409 while one is running."""
    started = rounds.start(db, access.project, config, access.user)
    db.refresh(started)
    return shown(db, started)


@router.post("/rounds/preview")
def preview_round(access: Researcher, db: Db, config: ConfigBody = DEFAULT) -> dict[str, Any]:
    """What a round would train on, and what the newest model would queue. Changes nothing."""
    return preview.preview_round(db, access.project, config)


@router.get("/rounds")
def list_rounds(access: Researcher, db: Db) -> dict[str, Any]:
    return {"rounds": [shown(db, found) for found in queries.list_rounds(db, access.project.id, limit=100)]}


@router.get("/rounds/{round_id}")
def one_round(access: Researcher, db: Db, round_id: int) -> dict[str, Any]:
    return shown(db, rounds.find(db, access.project.id, round_id))


@router.post("/rounds/{round_id}/cancellation")
def cancel_round(access: Researcher, db: Db, round_id: int) -> dict[str, Any]:
    return shown(db, actions.cancel_run(db, rounds.find(db, access.project.id, round_id), access.user))


@router.post("/rounds/{round_id}/resumption")
def resume_round(access: Researcher, db: Db, round_id: int) -> dict[str, Any]:
    return shown(db, actions.resume_run(db, rounds.find(db, access.project.id, round_id), access.user))


@router.get("/generations")
def list_generations(access: Researcher, db: Db) -> dict[str, Any]:
    """Newest first, with what was labeled and how long it took."""
    return {"generations": [_generation(each) for each in queries.list_generations(db, access.project.id)]}


def _generation(found: dict[str, Any]) -> dict[str, Any]:
    made, model = found["generation"], found["model"]
    own = {key: value for key, value in found.items() if key not in ("generation", "model", "gate")}
    return {
        **own,
        "model": {"id": model.id, "name": model.name, "metrics": model.metrics} if model else None,
        "snapshot_id": made.snapshot_id if made else None,
        "policy": made.policy if made else {},
        "funnel": made.funnel if made else {},
        "created_at": made.created_at if made else None,
    }
