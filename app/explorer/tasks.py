"""The job that counts a model's histogram. It is queued when a scoring ends, and by a page that finds no
counts or old ones."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.explorer import histogram


@queue.task(name=histogram.COUNT_JOB)
def count_histogram(model_id: int) -> None:
    with transaction() as db:
        if histogram.is_large(db, model_id):
            histogram.refresh_histogram(db, model_id)
