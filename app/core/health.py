"""Liveness and readiness probes."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from app.core import db
from app.core.migrate import current_revision, newest_revision

router = APIRouter()


@router.get("/healthz")
def liveness() -> dict[str, bool]:
    """The process answers. Does not check the database, so that an outage restarts nothing."""
    return {"alive": True}


@router.get("/readyz")
def readiness() -> JSONResponse:
    """The database answers and has the schema of this version."""
    try:
        with db.engine().connect() as connection:
            revision = current_revision(connection)
    except SQLAlchemyError:
        return JSONResponse({"ready": False, "reason": "the database does not answer"}, 503)
    if revision != newest_revision():
        reason = "the schema is not this version's: run `stepmark db upgrade`"
        return JSONResponse({"ready": False, "reason": reason}, 503)
    return JSONResponse({"ready": True, "schema": revision})
