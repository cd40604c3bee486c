"""Jobs of exchange."""

from __future__ import annotations

import datetime as dt

from app.core.db import transaction
from app.core.jobs import queue
from app.exchange import uploads


@queue.periodic(cron="17 * * * *")
@queue.task(name="exchange.sweep", queueing_lock="exchange.sweep")
def delete_abandoned_uploads(timestamp: int) -> None:
    with transaction() as db:
        uploads.delete_abandoned(db, dt.datetime.fromtimestamp(timestamp, dt.UTC))
