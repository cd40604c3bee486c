"""What a worker does for an import: the file, and what follows."""

from __future__ import annotations

from app.core.db import transaction
from app.core.jobs import enqueue
from app.core.run_worker import run_in_worker
from app.exchange import importer, uploads
from app.exchange.models import Import


def run(kind: importer.ImportKind, import_id: int) -> None:
    run_in_worker(kind, import_id, importer.import_file)
    with transaction() as db:
        of = db.get(Import, import_id)
    if of is None or of.state != "succeeded":
        return
    uploads.discard_imported(of)
    if of.parsed_config.grade:
        with transaction() as db:
            enqueue(db, "problems.grade", project_id=of.project_id, once=f"grade-{of.project_id}")
