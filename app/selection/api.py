"""The JSON API of selection: rounds and generations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy import select

from app.core.api import PAGE_SIZE, Cursor, load_page
from app.core.db import Db
from app.projects.access import Researcher
from app.runs import actions
from app.selection import generations, preview, rounds
from app.selection.api_models import GenerationPage, RoundOut, RoundPage, build_generation, build_round
from app.selection.config import RoundConfig
from app.selection.models import Round
from app.selection.preview import RoundPreview

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["selection"])
ConfigBody = Annotated[
    RoundConfig,
    Body(
        description="The round's config. Every field has a default.",
        examples=[{"policy": {"size": 200, "shares": {"convincing_wrong": 0.8, "most_convincing": 0.2}}}],
    ),
]
DEFAULT = RoundConfig()


@router.post("/rounds", status_code=201, summary="Start a round")
def create_round(access: Researcher, db: Db, config: ConfigBody = DEFAULT) -> RoundOut:
    """Snapshot, train, score, validate, select, queue. 409 while a round is running."""
    started = rounds.start(db, access.project, config, access.user)
    db.refresh(started)
    return build_round(db, started)


@router.post("/rounds/preview", summary="Preview a round")
def preview_round(access: Researcher, db: Db, config: ConfigBody = DEFAULT) -> RoundPreview:
    """What a round would train on, and what the newest model would queue. Changes nothing."""
    return preview.preview_round(db, access.project, config)


@router.get("/rounds", summary="List rounds")
def list_rounds(access: Researcher, db: Db, cursor: Cursor = None) -> RoundPage:
    query = select(Round).where(Round.project_id == access.project.id)
    page, next_cursor = load_page(db, query, Round.id, cursor)
    return RoundPage(rounds=[build_round(db, round_) for round_ in page], next_cursor=next_cursor)


@router.get("/rounds/{round_id}", summary="Get a round")
def get_round(access: Researcher, db: Db, round_id: int) -> RoundOut:
    return build_round(db, rounds.find(db, access.project.id, round_id))


@router.post("/rounds/{round_id}/cancellation", summary="Cancel a round and its child runs")
def cancel_round(access: Researcher, db: Db, round_id: int) -> RoundOut:
    """Finished stages stay."""
    round_ = rounds.find(db, access.project.id, round_id)
    return build_round(db, actions.cancel_run(db, round_, access.user))


@router.post("/rounds/{round_id}/resumption", summary="Resume a round at its failed stage")
def resume_round(access: Researcher, db: Db, round_id: int) -> RoundOut:
    round_ = rounds.find(db, access.project.id, round_id)
    return build_round(db, actions.resume_run(db, round_, access.user))


@router.get("/generations", summary="List generations")
def list_generations(access: Researcher, db: Db, cursor: Cursor = None) -> GenerationPage:
    """Newest first, with what was labeled and how long it took."""
    summaries = [
        summary
        for summary in generations.list_generations(db, access.project.id)
        if cursor is None or summary.number < cursor
    ]
    page = summaries[:PAGE_SIZE]
    return GenerationPage(
        generations=[build_generation(summary) for summary in page],
        next_cursor=page[-1].number if len(summaries) > PAGE_SIZE else None,
    )
