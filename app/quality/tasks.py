"""The job that counts agreement."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.quality import agreed, counting


@queue.task(name=agreed.JOB)
def agree(project_id: int) -> None:
    try:
        counting.count(project_id)
    except counting.Stopped:
        with transaction() as db:
            agreed.defer_count(db, project_id)
    except Exception:
        with transaction() as db:
            agreed.failed(db, project_id)
        raise
