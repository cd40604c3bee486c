"""Who took data out, and what: an export is in the audit trail before its first row is sent."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.exchange.exporter import Filters
from app.projects.models import Project


def export_noted(db: Session, project: Project, chosen: Filters, actor_id: int | None, rows: int) -> None:
    """`actor_id` null: somebody at the server's command line."""
    db.add(
        AuditEvent(
            actor_id=actor_id,
            project_id=project.id,
            action="export.prm800k",
            subject=project.slug,
            detail={"rows": rows, "filters": {name: list(v) for name, v in chosen.described().items()}},
        )
    )
    db.flush()
