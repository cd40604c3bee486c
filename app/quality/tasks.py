"""The job that refreshes what awaits adjudication."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.quality import adjudication_queue


@queue.task(name=adjudication_queue.JOB)
def refresh_candidates(project_id: int) -> None:
    if not adjudication_queue.refresh_all(project_id):
        with transaction() as db:
            adjudication_queue.enqueue_refresh(db, project_id)
