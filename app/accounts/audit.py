"""The audit log: who changed what. One row per change, in the same transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent, User


def record_event(
    db: Session,
    actor: User | None,
    action: str,
    subject: str = "",
    detail: dict[str, Any] | None = None,
    project_id: int | None = None,
    address: str = "",
) -> None:
    """`action` is noun.verb ("user.disable"); `actor` is None for the command line."""
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


PAGE = 100


def list_events(
    db: Session, *, before: int | None = None, action: str = ""
) -> list[tuple[AuditEvent, User | None]]:
    """Events, one more than a page, newest first. `action` is a prefix ("user." or "user.disable")."""
    chosen = select(AuditEvent, User).outerjoin(User, User.id == AuditEvent.actor_id)
    if before is not None:
        chosen = chosen.where(AuditEvent.id < before)
    if action:
        chosen = chosen.where(AuditEvent.action.startswith(action, autoescape=True))
    return [
        (event, actor) for event, actor in db.execute(chosen.order_by(AuditEvent.id.desc()).limit(PAGE + 1))
    ]
