"""The job that counts a model's histogram, so that no visitor waits for it: deferred where a scoring
ends, and by a page that finds none or an old one."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.explorer import histogram


@queue.task(name=histogram.COUNT_JOB)
def count(model_id: int) -> None:
    with transaction() as db:
        if histogram.is_large(db, model_id):
            histogram.refresh_histogram(db, model_id)
