"""Liveness and readiness probes."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from app.core import db
from app.core.api import Answer
from app.core.migrate import current_revision, newest_revision

router = APIRouter(tags=["health"])


class Liveness(Answer):
    """The process answers."""

    alive: bool
    """Always true."""


class Readiness(Answer):
    """Whether the process can do its work."""

    ready: bool
    """Whether the database answers and has the schema of this version."""
    reason: str | None = None
    """Why it is not ready."""
    revision: str | None = Field(default=None, alias="schema")
    """Revision of the database schema."""


@router.get("/healthz", summary="Check that the process answers")
def get_liveness() -> Liveness:
    """Does not check the database, so that an outage restarts nothing."""
    return Liveness(alive=True)


@router.get(
    "/readyz",
    summary="Check that the database answers and has the schema of this version",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready."}},
)
def get_readiness() -> JSONResponse:
    try:
        with db.engine().connect() as connection:
            revision = current_revision(connection)
    except SQLAlchemyError:
        return JSONResponse({"ready": False, "reason": "the database does not answer"}, 503)
    if revision != newest_revision():
        reason = "the schema is not this version's: run `stepmark db upgrade`"
        return JSONResponse({"ready": False, "reason": reason}, 503)
    return JSONResponse({"ready": True, "schema": revision})
