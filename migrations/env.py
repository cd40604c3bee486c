"""Alembic's entry. The caller (app.core.migrate) hands it an open connection."""

from alembic import context
from sqlalchemy import text

from app.models import Base


def ours(name: str | None, kind: str, parents: object) -> bool:
    """Procrastinate's own tables are brought by its schema, not compared with models."""
    return not (name or "").startswith("procrastinate_")


connection = context.config.attributes["connection"]
connection.execute(text("SET lock_timeout = '5s'"))
connection.execute(text("SET statement_timeout = '30min'"))
connection.commit()
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_name=ours,
    transaction_per_migration=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
