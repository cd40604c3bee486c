"""The JSON API of runs: one list, one address for each, cancellation and resumption."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query

from app.core.api import MAX_ID, Answer, Cursor, Page, RunAnswer, RunProgress, RunState
from app.core.db import Db
from app.core.errors import Invalid
from app.core.run_lifecycle import get_run
from app.core.run_models import Run
from app.projects.access import Access, Researcher
from app.runs import actions, queries

router = APIRouter(prefix="/api/v1/projects/{slug}", tags=["runs"])
Kind = Annotated[str | None, Query(max_length=40, description="Only runs of this kind.")]
State = Annotated[RunState | None, Query(description="Only runs in this state.")]
ParentId = Annotated[int | None, Query(ge=1, lt=MAX_ID, description="Only child runs of this run.")]


class RunItem(RunAnswer):
    """A run in the list."""

    kind: str
    """Kind of the run, such as training or import."""
    parent_id: int | None
    """The run that started it, such as a round."""
    attempt: int
    """Number of the current attempt; 0 before the first."""
    progress: RunProgress
    """What it does now."""
    created_by: str | None
    """Name of the person who started it. Null: the system, or the command line."""
    seconds: float | None
    """Duration so far. Null before the first attempt."""


class RunPage(Page):
    """Runs, newest first."""

    runs: list[RunItem]
    """At most 50."""


class RunEventOut(Answer):
    """A change of a run's state."""

    created_at: dt.datetime
    """When it happened."""
    user_id: int | None
    """Who caused it. Null: the system."""
    from_state: RunState | None
    """The state before. Null when the run was created."""
    to_state: RunState
    """The state after."""
    attempt: int
    """The attempt at that time."""
    reason: str
    """Why; may be empty."""


class RunDetail(RunAnswer):
    """A run with its history. The address of its kind answers with its config and results."""

    kind: str
    """Kind of the run, such as training or import."""
    parent_id: int | None
    """The run that started it, such as a round."""
    attempt: int
    """Number of the current attempt; 0 before the first."""
    progress: RunProgress
    """What it does now."""
    created_by: int | None
    """ID of the user who started it. Null: the system, or the command line."""
    heartbeat_at: dt.datetime | None
    """Last sign of life of its process."""
    cancel_requested_at: dt.datetime | None
    """When somebody asked to cancel it."""
    events: list[RunEventOut]
    """Its history, oldest first."""


@router.get("/runs", summary="List the runs of the project")
def list_runs(
    access: Researcher,
    db: Db,
    kind: Kind = None,
    state: State = None,
    parent_id: ParentId = None,
    cursor: Cursor = None,
) -> RunPage:
    kinds = [visible.name for visible in queries.visible_kinds(access)]
    if kind is not None and kind not in kinds:
        raise Invalid(f"Unknown kind {kind!r}.", remedy=f"Valid kinds: {', '.join(kinds)}.")
    runs = queries.list_runs(
        db, access, kind=kind, states=[state] if state else (), parent_id=parent_id, before=cursor
    )
    page = runs[: queries.PAGE]
    items = [RunItem.model_validate(run) for run in page]
    return RunPage(runs=items, next_cursor=page[-1].id if len(runs) > queries.PAGE else None)


@router.get("/runs/{run_id}", summary="Get a run of any kind with its history")
def get_any_run(access: Researcher, db: Db, run_id: int) -> RunDetail:
    return _build_detail(db, _load(access, db, run_id))


@router.post("/runs/{run_id}/cancellation", summary="Cancel a run of any kind")
def cancel_run(access: Researcher, db: Db, run_id: int) -> RunDetail:
    return _build_detail(db, actions.cancel_run(db, _load(access, db, run_id), access.user))


@router.post("/runs/{run_id}/resumption", summary="Resume a failed or cancelled run of any kind")
def resume_run(access: Researcher, db: Db, run_id: int) -> RunDetail:
    return _build_detail(db, actions.resume_run(db, _load(access, db, run_id), access.user))


def _load(access: Access, db: Db, run_id: int) -> Run:
    run = get_run(db, access.project.id, run_id, Run)
    actions.require_access(access, run)
    return run


def _build_detail(db: Db, run: Run) -> RunDetail:
    events = [RunEventOut.model_validate(event) for event, _ in queries.list_events(db, run.id)]
    return RunDetail.build(run, events=events)
