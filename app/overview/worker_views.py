"""The page about workers and jobs, for site admins."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from app.accounts.access import SiteAdmin
from app.core.db import Db
from app.core.web import redirect, render
from app.overview import health
from app.settings import settings

router = APIRouter(prefix="/worker", include_in_schema=False)


@router.get("")
def worker_page(request: Request, user: SiteAdmin, db: Db) -> Response:
    return render(
        request,
        "overview/worker.html",
        disk_usage=health.measure_disk_usage(db, settings().home),
        states=health.STATES,
        **job_status(db),
    )


@router.get("/live")
def worker_live_part(request: Request, user: SiteAdmin, db: Db) -> Response:
    return render(request, "overview/_worker.html", states=health.STATES, **job_status(db))


@router.post("/jobs/{job_id}/retry")
def retry_job(user: SiteAdmin, db: Db, job_id: Annotated[int, Path(ge=1, lt=2**62)]) -> Response:
    health.retry_job(db, job_id, user)
    return redirect("/worker", f"Job {job_id} queued again.")


def job_status(db: Db) -> dict[str, Any]:
    return {
        "queues": health.count_jobs_by_queue(db),
        "active_runs": health.count_active_runs(db),
        "workers": health.list_workers(db),
        "failed_jobs": health.list_failed_jobs(db),
    }
