"""The jobs that count agreement, and look at what nobody waits for."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.quality import adjudication_queue, agreement_job, agreement_report


@queue.task(name=agreement_report.JOB)
def compute_agreement(project_id: int) -> None:
    try:
        agreement_job.compute_agreement(project_id)
    except agreement_job.AgreementStopped:
        with transaction() as db:
            agreement_report.defer_count(db, project_id)
    except Exception:
        with transaction() as db:
            agreement_report.failed(db, project_id)
        raise


@queue.task(name=adjudication_queue.JOB)
def refresh_candidates(project_id: int) -> None:
    if not adjudication_queue.refresh_all(project_id):
        with transaction() as db:
            adjudication_queue.enqueue_refresh(db, project_id)
