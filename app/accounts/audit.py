"""The audit trail: who changed what. One row a change, in the transaction that makes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent, User


def record(
    db: Session,
    actor: User | None,
    action: str,
    subject: str = "",
    detail: dict[str, Any] | None = None,
    project_id: int | None = None,
    address: str = "",
) -> None:
    """`action` is noun.verb ("user.disable"); `actor` None: somebody at the command line."""
    db.add(
        AuditEvent(
            actor_id=actor.id if actor else None,
            project_id=project_id,
            action=action,
            subject=subject[:300],
            detail=detail or {},
            address=address,
        )
    )
    db.flush()
