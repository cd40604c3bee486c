"""The jobs that count agreement, and look at what nobody waits for."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.quality import agreed, counting, second_look


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


@queue.task(name=second_look.JOB)
def look(project_id: int) -> None:
    if not second_look.everything(project_id):
        with transaction() as db:
            second_look.defer_look(db, project_id)
