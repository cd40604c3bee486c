"""Jobs of generators: a run, and the sweep behind it."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import queue
from app.generators import alternative_settings, launcher, runs
from app.projects.models import Project


@queue.task(name="generators.sample")
def sample(sampling_run_id: int) -> None:
    launcher.run(sampling_run_id)


@queue.task(name="generators.queue_first", retry=3)
def queue_first(project_id: int, limit: int | None) -> None:
    with transaction() as db:
        alternative_settings.queue_with_alternatives(db, db.get_one(Project, project_id), limit)


@queue.periodic(cron="* * * * *")
@queue.task(name="generators.sweep", queueing_lock="generators.sweep")
def sweep(timestamp: int) -> None:
    with transaction() as db:
        runs.sweep(db)
