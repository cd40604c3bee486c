"""A running, migrated database for every entry point."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from app.core import db
from app.core.embedded import Embedded, is_embedded_url
from app.core.errors import DomainError
from app.core.migrate import upgrade_schema
from app.settings import settings

MIN_POSTGRES = 15


class NoDatabase(DomainError):
    status, code = 503, "no_database"


@contextmanager
def ready_database() -> Iterator[str]:
    """Yields the URL of the database to use. DATABASE_URL unset: the embedded one,
    started when it is not up and stopped again by the last one who needs it."""
    with running_database() as url:
        upgrade_schema(db.engine())
        yield url


@contextmanager
def running_database() -> Iterator[str]:
    """The same, without migrating the schema."""
    external_url = settings().database_url
    if external_url is not None:
        check_server(db.engine())
        yield external_url
        return
    embedded = Embedded(settings().home / "postgres")
    url = embedded.start()
    try:
        os.environ["DATABASE_URL"] = url
        clear_caches()
        yield url
    finally:
        db.engine().dispose()
        os.environ.pop("DATABASE_URL", None)
        clear_caches()
        embedded.stop()


def check_server(engine: Engine) -> None:
    """Check that the database answers and is new enough."""
    where = make_url(engine.url).render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            version = connection.connection.dbapi_connection.info.server_version // 10000  # type: ignore[union-attr]
    except OperationalError as error:
        if is_embedded_url(where):
            raise NoDatabase(
                "The embedded database does not answer.", remedy="`stepmark up` starts it again by itself."
            ) from error
        raise NoDatabase(
            f"The database {where} does not answer: {str(error.orig).strip()}",
            remedy="Start it, correct DATABASE_URL, or unset DATABASE_URL to use the embedded one.",
        ) from error
    if version < MIN_POSTGRES:
        raise NoDatabase(
            f"The database {where} is PostgreSQL {version}; Stepmark needs {MIN_POSTGRES} or newer.",
            remedy=f"Upgrade that server, or point DATABASE_URL at PostgreSQL {MIN_POSTGRES} or newer.",
        )


def clear_caches() -> None:
    """Drop cached settings, engine and sessions after the environment changed."""
    for cache in (settings, db.engine, db.session_factory):
        cache.cache_clear()
