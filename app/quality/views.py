"""Quality pages: the project's, a labeler's, and the policy."""

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
    """In per cent, as people write it."""

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
        known=control_task_creation.count_tasks(db, project.id),
        doubt=suspect_references.count_suspect_references(db, project.id),
        looked=adjudication_queue.refresh_changed(db, project.id),
        waiting=adjudication.count_candidates(db, project.id),
    )


@router.get("/references")
def suspect_references_page(request: Request, access: Researcher, db: Db) -> Response:
    """Problems whose reference answers may be wrong."""
    return render(
        request,
        "quality/references.html",
        doubt=suspect_references.count_suspect_references(db, access.project.id),
        problems=suspect_references.list_problems(db, access.project.id),
    )


@router.get("/labelers/{user_id}")
def labeler_page(request: Request, user_id: int, access: Researcher, db: Db) -> Response:
    who = labeler_status.get_labeler(db, access.project, user_id)
    marks = labeler_stats.list_control_results(db, access.project.id, user_id)
    return render(
        request,
        "quality/labeler.html",
        **agreement_context(db, access, who),
        done=next(iter(labeler_stats.list_labelers(db, access.project.id, user_id)), None),
        marks=marks,
        drift=labeler_stats.rolling_accuracy(marks, access.project.gold_window),
        newest=labeler_stats.list_newest_submissions(db, access.project.id, user_id),
        finish=FINISH_LABELS,
    )


@router.post("/labelers/{user_id}/lifting")
def unpause(user_id: int, access: ProjectAdmin, db: Db) -> Response:
    labeler_status.get_labeler(db, access.project, user_id)
    labeler_status.unpause_labeler(db, access.project, user_id, access.user, dt.datetime.now(dt.UTC))
    return redirect(f"{access.home}/quality/labelers/{user_id}", "The pause is lifted.")


@router.post("/labelers/{user_id}/screening")
def reset_screening(user_id: int, access: ProjectAdmin, db: Db) -> Response:
    labeler_status.get_labeler(db, access.project, user_id)
    labeler_status.reset_screening(db, access.project, user_id, access.user)
    return redirect(f"{access.home}/quality/labelers/{user_id}", "They may take the screening again.")


@router.post("/known-tasks")
def create_control_tasks(
    access: ProjectAdmin,
    db: Db,
    kind: Annotated[str, Form(pattern="^gold$|^screening$")],
    count: Annotated[int, Form(ge=1, le=control_task_creation.MAX_TASKS)],
) -> Response:
    created = control_task_creation.create_control_tasks(db, access.project, access.user, kind, count)
    return redirect(f"{access.home}/quality/policy", f"{created:,} {kind} tasks made.")


@router.get("/policy")
def settings_page(request: Request, access: ProjectAdmin, db: Db) -> Response:
    left = control_task_creation.count_available(db, access.project)
    control_tasks = control_task_creation.count_tasks(db, access.project.id)
    return render(
        request,
        "quality/policy.html",
        known=control_tasks,
        available=left,
        most=control_task_creation.MAX_TASKS,
    )


@router.post("/policy")
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
    return redirect(f"{access.home}/quality/policy", "Saved." if changed else "Nothing was different.")
