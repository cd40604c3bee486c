"""Migrate a database to the newest schema, or back to an older one. Only migrations change the schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, text

from app.core.errors import Invalid

FOLDER = Path(__file__).parent.parent.parent / "migrations"
LOCK = 0x57E9  # one migrator at a time, whoever starts first


def alembic_config(connection: Connection | None = None) -> Config:
    alembic = Config()
    alembic.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    alembic.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    alembic.attributes["connection"] = connection
    return alembic


def upgrade_schema(engine: Engine, revision: str = "head") -> None:
    with engine.connect() as guard, engine.connect() as connection:
        connection.detach()  # its timeouts are for migrating only: never back to the pool
        guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        command.upgrade(alembic_config(connection), revision)


def downgrade_schema(engine: Engine, revision: str) -> None:
    with engine.connect() as guard, engine.connect() as connection:
        connection.detach()
        guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        command.downgrade(alembic_config(connection), revision)


def list_undone_migrations(connection: Connection, revision: str) -> list[Script]:
    """The migrations that a downgrade to `revision` undoes, the newest first. Raises Invalid for a revision
    that does not precede the schema's own."""
    history = ScriptDirectory.from_config(alembic_config())
    current = current_revision(connection)
    applied = list(history.iterate_revisions(current, "base")) if current else []
    ids = [script.revision for script in applied]
    if revision not in ids[1:]:
        raise Invalid(
            f"The schema is at {current}, and {revision[:50]!r} is no earlier revision.",
            remedy=f"The latest earlier revisions are {', '.join(ids[1:11])}." if ids[1:] else "",
        )
    return applied[: ids.index(revision)]


def newest_revision() -> str | None:
    """The revision this code is written for."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def current_revision(connection: Connection) -> str | None:
    """The revision the database is at; None when it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()
