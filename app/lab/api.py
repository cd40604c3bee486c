"""The JSON API of test-time search: single searches and budget sweeps."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from app.core.api import Cursor, load_page
from app.core.db import Db
from app.lab import runs
from app.lab.api_models import (
    SearchDetail,
    SearchOut,
    SearchPage,
    SearchRequest,
    build_search,
    build_search_detail,
)
from app.lab.models import SearchRun
from app.projects.access import Researcher
from app.runs import actions

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["lab"])


@router.get("/searches", summary="List searches")
def list_searches(access: Researcher, db: Db, cursor: Cursor = None) -> SearchPage:
    """Get a single search for its tree and results."""
    query = select(SearchRun).where(SearchRun.project_id == access.project.id)
    page, next_cursor = load_page(db, query, SearchRun.id, cursor)
    return SearchPage(searches=[build_search(run) for run in page], next_cursor=next_cursor)


@router.post("/searches", status_code=201, summary="Start a search")
def start_search(access: Researcher, db: Db, body: SearchRequest) -> SearchOut:
    """Poll it until `state` is succeeded."""
    run = runs.start(
        db,
        access.project.id,
        model_id=body.model_id,
        generator_id=body.generator_id,
        problem_id=body.problem_id,
        config=body.config.to_json(),
        user=access.user,
    )
    db.refresh(run)
    return build_search(run)


@router.get("/searches/{search_id}", summary="Get a search with its tree and results")
def get_search(access: Researcher, db: Db, search_id: int) -> SearchDetail:
    return build_search_detail(runs.get_search(db, access.project.id, search_id))


@router.post("/searches/{search_id}/cancellation", summary="Cancel a search")
def cancel_search(access: Researcher, db: Db, search_id: int) -> SearchOut:
    run = runs.get_search(db, access.project.id, search_id)
    return build_search(actions.cancel_run(db, run, access.user))
