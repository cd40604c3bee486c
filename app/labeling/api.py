"""The JSON API of labeling."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.core.db import Db
from app.labeling import filling
from app.projects.access import Member, Researcher

router = APIRouter(prefix="/api/v1", tags=["labeling"])


class Queue(BaseModel):
    waiting: int
    on_a_desk: int
    submitted: int
    not_queued: int


class Filling(BaseModel):
    limit: Annotated[int, Field(ge=1, le=10**9)] | None = None


class Filled(BaseModel):
    queued: int
    preparing: bool = False
    """Their alternatives are made first; each is queued when its candidates are there."""


@router.get("/projects/{slug}/queue", summary="What waits, is on a desk, is done, could be queued")
def queue_counts(access: Member, db: Db) -> Queue:
    return Queue(**filling.counts(db, access.project.id))


@router.post(
    "/projects/{slug}/queue",
    summary="Queue solutions that were never queued (generation 0)",
    response_model_exclude_defaults=True,
)
def fill_queue(access: Researcher, db: Db, wanted: Filling | None = None) -> Filled:
    made = filling.queue_first(db, access.project, wanted.limit if wanted else None)
    return Filled(queued=made or 0, preparing=made is None)
