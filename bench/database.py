"""A database of a script's own, on a server where one may be made: migrated, and dropped at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.engine import make_url

from app.core import db as core_db
from app.core.migrate import upgrade_schema


@contextmanager
def fresh(server: str, name: str, *, keep: bool = False) -> Iterator[str]:
    """Its URL. One of that name that was left behind goes first."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}"')
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    try:
        engine = core_db.make_engine(url, pool_size=2)
        upgrade_schema(engine)
        engine.dispose()
        yield url
    finally:
        if not keep:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def served(name: str) -> Iterator[None]:
    """On the server of STEPMARK_TEST_SERVER, and the one that the rules of this process work on."""
    with fresh(os.environ["STEPMARK_TEST_SERVER"], name) as url:
        os.environ["DATABASE_URL"] = url
        yield
        core_db.engine().dispose()
