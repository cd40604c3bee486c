"""Bring a database to the newest schema. Migrations are the only way it changes."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

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
    with engine.connect() as connection:
        connection.detach()
        command.downgrade(alembic_config(connection), revision)


def newest_revision() -> str | None:
    """The revision this code is written for."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def current_revision(connection: Connection) -> str | None:
    """The revision the database is at; None when it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()
