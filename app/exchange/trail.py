"""Who took data out, and what: an export is in the audit trail before its first row is sent."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import User
from app.exchange import sft
from app.exchange.exporter import Filters
from app.projects.models import Project


def export_noted(db: Session, project: Project, chosen: Filters, actor: User | None, rows: int) -> None:
    """`actor` None: somebody at the server's command line."""
    filters = {
        name: list(said) if isinstance(said, tuple) else said for name, said in chosen.described().items()
    }
    detail = {"rows": rows, "filters": filters}
    audit.record(db, actor, "export.prm800k", project.slug, detail, project_id=project.id)


def sft_noted(db: Session, project: Project, chosen: sft.Filters, actor: User | None, rows: int) -> None:
    detail = {"rows": rows, "filters": chosen.described()}
    audit.record(db, actor, "export.sft", project.slug, detail, project_id=project.id)
