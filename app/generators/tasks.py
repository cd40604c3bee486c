"""Jobs of generators: the first queue, where alternatives are prepared for it."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.generators import alternative_settings
from app.labeling.initial_queue import DEFAULT_SPLITS
from app.projects.models import Project


@queue.task(name="generators.queue_first", retry=3)
def queue_first(project_id: int, limit: int | None, splits: list[str] | None = None) -> None:
    with transaction() as db:
        project = db.get_one(Project, project_id)
        alternative_settings.queue_with_alternatives(db, project, limit, splits or DEFAULT_SPLITS)
