"""A database that is up and migrated, for every root that needs one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.core import db
from app.core.migrate import upgrade
from app.settings import settings


@contextmanager
def ready_database() -> Iterator[str]:
    """Yields the URL of the database to use. DATABASE_URL unset: the embedded one,
    started when it is not up and stopped again by whoever started it."""
    url = settings().database_url
    assert url is not None, "the embedded database comes next"
    upgrade(db.engine())
    yield url
