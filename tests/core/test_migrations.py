"""The schema a database gets by migrating is the one the models describe."""

from alembic import command
from sqlalchemy import Engine

from app.core.migrate import alembic_config


def test_models_and_migrations_agree(shared_engine: Engine) -> None:
    with shared_engine.connect() as connection:
        command.check(alembic_config(connection))  # raises when they drift apart
