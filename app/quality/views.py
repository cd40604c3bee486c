"""Pages of quality: the project, a labeler, suspect references and the settings."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.accounts import audit
from app.core.db import Db
from app.core.web import redirect, render
from app.labeling.submission_views import FINISH_LABELS
from app.projects.access import ProjectAdmin, Researcher
from app.quality import (
    adjudication,
    adjudication_queue,
    adjudication_views,
    agreement_views,
    control_task_creation,
    labeler_stats,
    labeler_status,
    suspect_references,
)
from app.quality.agreement_views import agreement_context

router = APIRouter(prefix="/projects/{slug}/quality", include_in_schema=False)
router.include_router(agreement_views.router)
router.include_router(adjudication_views.router)

Share = Annotated[float, Field(ge=0, le=100)]


class QualitySettingsForm(BaseModel):
    """Shares and rates in percent, as the form shows them."""

    overlap: Annotated[int, Field(ge=1, le=99)]
    overlap_share: Share
    screening_threshold: Share
    gold_rate: Annotated[float, Field(ge=0, le=50)]
    gold_threshold: Share
    gold_window: Annotated[int, Field(ge=1, le=1000)]
    gold_feedback: bool = False


@router.get("")
def quality_page(request: Request, access: Researcher, db: Db) -> Response:
    project = access.project
    return render(
        request,
        "quality/quality.html",
        **agreement_context(db, access, None),
        labelers=labeler_stats.list_labelers(db, project.id),
        counts=control_task_creation.count_tasks(db, project.id),
        suspects=suspect_references.count_suspect_references(db, project.id),
        up_to_date=adjudication_queue.refresh_changed(db, project.id),
        candidate_count=adjudication.count_candidates(db, project.id),
    )


@router.get("/references")
def suspect_references_page(request: Request, access: Researcher, db: Db) -> Response:
    """Problems whose reference answers may be wrong."""
    return render(
        request,
        "quality/suspect_references.html",
        suspects=suspect_references.count_suspect_references(db, access.project.id),
        problems=suspect_references.list_problems(db, access.project.id),
    )


@router.get("/labelers/{user_id}")
def labeler_page(request: Request, user_id: int, access: Researcher, db: Db) -> Response:
    labeler = labeler_status.get_labeler(db, access.project, user_id)
    results = labeler_stats.list_control_results(db, access.project.id, user_id)
    return render(
        request,
        "quality/labeler.html",
        **agreement_context(db, access, labeler),
        done=next(iter(labeler_stats.list_labelers(db, access.project.id, user_id)), None),
        control_results=results,
        drift=labeler_stats.rolling_accuracy(results, access.project.gold_window),
        newest=labeler_stats.list_newest_submissions(db, access.project.id, user_id),
        finish=FINISH_LABELS,
    )


@router.post("/labelers/{user_id}/unpause")
def unpause(user_id: int, access: ProjectAdmin, db: Db) -> Response:
    labeler_status.get_labeler(db, access.project, user_id)
    labeler_status.unpause_labeler(db, access.project, user_id, access.user, dt.datetime.now(dt.UTC))
    return redirect(f"{access.home}/quality/labelers/{user_id}", "Labeler unpaused.")


@router.post("/labelers/{user_id}/screening")
def reset_screening(user_id: int, access: ProjectAdmin, db: Db) -> Response:
    labeler_status.get_labeler(db, access.project, user_id)
    labeler_status.reset_screening(db, access.project, user_id, access.user)
    return redirect(f"{access.home}/quality/labelers/{user_id}", "Screening reset.")


@router.post("/control-tasks")
def create_control_tasks(
    access: ProjectAdmin,
    db: Db,
    kind: Annotated[str, Form(pattern="^gold$|^screening$")],
    count: Annotated[int, Form(ge=1, le=control_task_creation.MAX_TASKS)],
) -> Response:
    created = control_task_creation.create_control_tasks(db, access.project, access.user, kind, count)
    return redirect(f"{access.home}/quality/settings", f"{created:,} {kind} tasks created.")


@router.get("/settings")
def settings_page(request: Request, access: ProjectAdmin, db: Db) -> Response:
    left = control_task_creation.count_available(db, access.project)
    counts = control_task_creation.count_tasks(db, access.project.id)
    return render(
        request,
        "quality/settings.html",
        counts=counts,
        available=left,
        most=control_task_creation.MAX_TASKS,
    )


@router.get("/policy")
def former_settings_page(access: ProjectAdmin) -> Response:
    """The address before it was renamed."""
    return redirect(f"{access.home}/quality/settings")


@router.post("/settings")
def save_settings(access: ProjectAdmin, db: Db, sent: Annotated[QualitySettingsForm, Form()]) -> Response:
    changed = {}
    for name, value in sent.model_dump().items():
        new = value / 100 if isinstance(value, float) else value
        if (old := getattr(access.project, name)) != new:
            changed[name] = [old, new]
            setattr(access.project, name, new)
    if changed:
        db.flush()
        audit.record_event(
            db, access.user, "quality.change", access.project.name, changed, project_id=access.project.id
        )
    return redirect(f"{access.home}/quality/settings", "Settings saved." if changed else "No changes.")
