"""Pages of runs: the list of all kinds, and a run with its history."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.accounts import users
from app.core.db import Db
from app.core.run_kinds import get_kind
from app.core.run_lifecycle import ACTIVE, MAX_ATTEMPTS, get_run
from app.core.run_models import Run
from app.core.web import redirect, render, render_polled
from app.projects.access import Access, Researcher
from app.runs import actions, queries

router = APIRouter(prefix="/projects/{slug}", include_in_schema=False)
STATES = ("queued", "running", "succeeded", "failed", "cancelled")


@router.get("/runs")
def runs_page(
    request: Request,
    access: Researcher,
    db: Db,
    kind: str = "",
    state: str = "",
    before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
) -> Response:
    filters = {"kind": kind, "state": state if state in STATES else ""}
    runs = queries.list_runs(
        db, access, kind=kind or None, states=[state] if filters["state"] else (), before=before
    )
    page = runs[: queries.PAGE]
    return render(
        request,
        "runs/runs.html",
        runs=page,
        kinds=queries.visible_kinds(access),
        states=STATES,
        filters=filters,
        next_cursor=page[-1].id if len(runs) > queries.PAGE else None,
    )


@router.get("/runs/{run_id}")
def run_page(request: Request, access: Researcher, db: Db, run_id: int) -> Response:
    run = _load(access, db, run_id)
    return render(
        request,
        "runs/run.html",
        created_by=users.find_user_by_id(db, run.created_by),
        events=queries.list_events(db, run.id),
        children=queries.list_runs(db, access, parent_id=run.id),
        **_progress(run),
    )


@router.get("/runs/{run_id}/progress")
def run_progress(request: Request, access: Researcher, db: Db, run_id: int) -> Response:
    run = _load(access, db, run_id)
    return render_polled(request, "runs/_progress.html", over=run.state not in ACTIVE, **_progress(run))


@router.post("/runs/{run_id}/cancellation")
def cancel_run(access: Researcher, db: Db, run_id: int) -> Response:
    run = actions.cancel_run(db, _load(access, db, run_id), access.user)
    message = "The run is cancelled." if run.state == "cancelled" else "The run is being cancelled."
    return redirect(f"{access.home}/runs/{run_id}", message, "note")


@router.post("/runs/{run_id}/resumption")
def resume_run(access: Researcher, db: Db, run_id: int) -> Response:
    actions.resume_run(db, _load(access, db, run_id), access.user)
    return redirect(f"{access.home}/runs/{run_id}", "The run is queued again.")


def _load(access: Access, db: Db, run_id: int) -> Run:
    run = get_run(db, access.project.id, run_id, Run)
    actions.require_access(access, run)
    return run


def _progress(run: Run) -> dict[str, Any]:
    return {"run": run, "kind": get_kind(run), "max_attempts": MAX_ATTEMPTS}
