"""Shared parts of the JSON API: the form of responses, errors and pages, and the credentials."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from fastapi import FastAPI, Query, Security
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")
PAGE_SIZE = 100
MAX_ID = 2**62
RunState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Cursor = Annotated[
    int | None,
    Query(ge=0, lt=MAX_ID, description="`next_cursor` of the previous page; omit it for the first."),
]


class Answer(BaseModel):
    """The base of every answer. It is read from a row's attributes or from keyword arguments. The text below
    a field is its description in the API reference."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)
    former_names: ClassVar[Mapping[str, str]] = {}
    """Names that stored JSON of older releases has, and today's names."""

    @model_validator(mode="before")
    @classmethod
    def _rename_former_fields(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not cls.former_names:
            return values
        return {cls.former_names.get(name, name): value for name, value in values.items()}

    @classmethod
    def build(cls, row: object, **values: object) -> Self:
        """The answer from a row's attributes, with `values` in place of some."""
        names = cls.model_fields.keys() - values.keys()
        return cls.model_validate({name: getattr(row, name) for name in names} | values)


class Page(Answer):
    """The base of every list that is read page by page."""

    next_cursor: int | None
    """Send it as `cursor` for the next page. Null on the last page."""


class Problem(Answer):
    """An error with its remedy."""

    error: str
    """Kind of the error: invalid, not_signed_in, forbidden, not_found, conflict, too_large, too_many, broken,
    away, not_allowed or bad_request."""
    message: str
    """The error."""
    remedy: str
    """The remedy; empty if there is none."""


class RunProgress(Answer):
    """The progress of a run of any kind."""

    phase: str | None = None
    """The current phase, such as "waiting for a worker"."""
    done: int | None = None
    """Units of work done in this phase. Null before the work is counted."""
    total: int | None = None
    """Units of work of this phase. Null before the work is counted."""
    seconds_left: float | None = None
    """Estimated time left. Null where nothing is estimated."""

    @model_validator(mode="before")
    @classmethod
    def _read_steps(cls, progress: Any) -> Any:
        """A training run counts its optimizer steps."""
        if isinstance(progress, dict) and "steps" in progress:
            return {"done": progress.get("step"), "total": progress["steps"], **progress}
        return progress


class RunAnswer(Answer):
    """Fields of runs of every kind."""

    id: int
    """ID of the run."""
    state: RunState
    """queued, running, succeeded, failed or cancelled."""
    error: str | None
    """Why the last attempt failed. Null if no attempt failed."""
    created_at: dt.datetime
    """When the run was created."""
    started_at: dt.datetime | None
    """When the first attempt started."""
    finished_at: dt.datetime | None
    """When the run succeeded, failed or was cancelled."""


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is missing, expired or revoked."},
    403: {"model": Problem, "description": "Your role does not permit this."},
    404: {"model": Problem, "description": "Not found, or not visible to you."},
    409: {"model": Problem, "description": "The current state does not permit this."},
    422: {
        "model": Problem,
        "description": "A field or parameter is unknown or invalid. The message names it.",
    },
}
BearerToken = Security(
    HTTPBearer(
        scheme_name="token",
        description="An API token, created on the Account page: `Authorization: Bearer stepmark_...`",
        auto_error=False,
    )
)
"""Declares the credential in the API reference. app/accounts/access.py checks it."""
TAGS = {
    "accounts": "The account behind the token.",
    "projects": "Projects and your role in them.",
    "labeling": "The queue, notes and returned submissions.",
    "problems": "Problems and their reference answers.",
    "pool": "Solutions with their scores and labels.",
    "generators": "Generators, sampling runs, rollouts and alternatives.",
    "exchange": "Imports and exports.",
    "training": "Training runs, models and snapshots.",
    "selection": "Rounds and generations.",
    "evaluation": "Evaluation sets, evaluations and comparisons.",
    "lab": "Test-time search.",
    "simulation": "Simulations of selection policies.",
    "runs": "Runs of every kind.",
    "health": "Probes for the process supervisor.",
}


def operation_id(route: APIRoute) -> str:
    """The name of the endpoint's function: a generated client names its functions by it."""
    return route.name


def install_document(web: FastAPI) -> None:
    """Describe the API with its tags and version."""

    def build_document() -> dict[str, Any]:
        if web.openapi_schema is None:
            web.openapi_schema = get_openapi(
                title="Stepmark",
                version=web.version,
                summary="Process supervision: label reasoning steps, retrain, score and queue.",
                routes=web.routes,
                tags=[{"name": name, "description": text} for name, text in TAGS.items()],
                separate_input_output_schemas=False,
            )
        return web.openapi_schema

    web.openapi = build_document  # type: ignore[method-assign]


def load_page(
    db: Session,
    query: Select[T],
    key: InstrumentedAttribute[int],
    cursor: int | None,
    *,
    ascending: bool = False,
    size: int = PAGE_SIZE,
) -> tuple[list[T], int | None]:
    """A page of rows by `key`, newest first unless `ascending`, and the cursor of the next page."""
    if cursor is not None:
        query = query.where(key > cursor if ascending else key < cursor)
    rows = list(db.scalars(query.order_by(key if ascending else key.desc()).limit(size + 1)))
    page = rows[:size]
    return page, getattr(page[-1], key.key) if len(rows) > size else None
