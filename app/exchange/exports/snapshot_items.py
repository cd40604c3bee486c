"""The training examples of a snapshot, as a model was trained on them."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from pydantic import Field
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.exchange.exports.base import Columns, ExportParameters, Options, Record, TableFormat, iter_records
from app.training.models import Snapshot, SnapshotItem

MAX_OFFERED = 200
SHOWN_DIGITS = 12


class SnapshotColumns(Columns):
    problem_id: str
    problem: str
    """Statement of the problem."""
    solution_id: str
    steps: list[str]
    targets: list[int | None]
    """1, 0 or -1 for each step. Null for a step without a label."""
    values: list[float | None] | None
    """Soft labels between 0 and 1, if the snapshot has them."""
    split: str
    """train, or validation for held-out problems."""


class SnapshotParameters(ExportParameters):
    snapshot: str = Field(
        "", title="Snapshot", description="ID or hash of a snapshot. Default: the newest one."
    )


SELECT = """
    SELECT p.external_id AS problem_id, p.statement AS problem, s.external_id AS solution_id, i.steps,
        i.targets, i.values, i.split
    FROM snapshot_item i JOIN solution s ON s.id = i.solution_id JOIN problem p ON p.id = i.problem_id
    WHERE i.snapshot_id = :snapshot ORDER BY i.ordinal
"""


class SnapshotItems(TableFormat):
    id = "snapshot"
    label = "Snapshot"
    description = "The training examples of a snapshot, with the target of each step."
    unit = "example"
    columns = SnapshotColumns
    parameters = SnapshotParameters

    def records(self, db: Session, project_id: int, parameters: SnapshotParameters) -> Iterator[Record]:
        snapshot = find_snapshot(db, project_id, parameters)
        if snapshot is not None:
            yield from iter_records(db, self.columns, SELECT, {"snapshot": snapshot.id})

    def count(
        self, db: Session, project_id: int, parameters: SnapshotParameters, limit: int | None = None
    ) -> int:
        snapshot = find_snapshot(db, project_id, parameters)
        query = select(func.count()).where(SnapshotItem.snapshot_id == (snapshot.id if snapshot else 0))
        return db.scalar(query) or 0

    def options(self, db: Session, project_id: int) -> Options:
        query = select(Snapshot).where(Snapshot.project_id == project_id).order_by(Snapshot.id.desc())
        snapshots = db.scalars(query.limit(MAX_OFFERED))
        return {
            "snapshot": [
                ("", "The newest"),
                *((str(row.id), f"{row.id}: {row.hash.hex()[:SHOWN_DIGITS]}") for row in snapshots),
            ]
        }

    def describe(self, db: Session, project_id: int, parameters: SnapshotParameters) -> dict[str, str]:
        snapshot = find_snapshot(db, project_id, parameters)
        if snapshot is None:
            return {}
        definition = orjson.dumps(snapshot.definition).decode()
        return {"Snapshot": f"{snapshot.id}, hash {snapshot.hash.hex()}", "Definition": f"`{definition}`"}


def find_snapshot(db: Session, project_id: int, parameters: SnapshotParameters) -> Snapshot | None:
    """None if the project has no snapshot. Raises NotFound for an unknown ID or hash."""
    query = select(Snapshot).where(Snapshot.project_id == project_id).order_by(Snapshot.id.desc()).limit(1)
    name = parameters.snapshot.strip().lower()
    if not name:
        return db.scalar(query)
    by_hash = func.encode(Snapshot.hash, "hex").startswith(name, autoescape=True)
    snapshot = db.scalar(query.where((cast(Snapshot.id, String) == name) | by_hash))
    if snapshot is None:
        raise NotFound(f"Snapshot {name[:80]!r} not found.", remedy="Use the ID or hash of a snapshot.")
    return snapshot


FORMAT = SnapshotItems()
