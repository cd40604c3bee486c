"""Jobs of exchange."""

from __future__ import annotations

import datetime as dt

from app.core.db import transaction
from app.core.jobs import enqueue, queue
from app.exchange import importer, uploads


@queue.task(name="exchange.import", retry=3)
def run_import(import_id: int) -> None:
    done = importer.run_import(import_id)
    if done.state == "succeeded":
        uploads.discard_imported(done)
    if done.state == "succeeded" and done.options.get("grade", True):
        with transaction() as db:
            enqueue(db, "problems.grade", project_id=done.project_id, once=f"grade-{done.project_id}")


@queue.periodic(cron="17 * * * *")
@queue.task(name="exchange.sweep", queueing_lock="exchange.sweep")
def delete_abandoned_uploads(timestamp: int) -> None:
    with transaction() as db:
        uploads.delete_abandoned(db, dt.datetime.fromtimestamp(timestamp, dt.UTC))
