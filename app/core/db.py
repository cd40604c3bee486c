"""The engine, the declarative base, and the sessions of requests and jobs.

A request is one transaction, committed before its answer is sent: `Db` is a
function-scoped dependency, so a commit that fails is an error the client sees.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import orjson
from fastapi import Depends
from psycopg import OperationalError
from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from starlette.concurrency import run_in_threadpool

from app.settings import settings

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


IDLE_SECONDS = 1.0
"""Seconds."""


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


def driver_url(url: str) -> str:
    """Normalize a Postgres URL for psycopg 3."""
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    raise ValueError(f"DATABASE_URL must be a Postgres URL (postgresql://...), not {url.split(':')[0]}:")


def libpq_url(url: str) -> str:
    """The same URL as libpq, psycopg and procrastinate read it."""
    return driver_url(url).replace("postgresql+psycopg://", "postgresql://", 1)


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def make_engine(url: str, pool_size: int = 20) -> Engine:
    new_engine = create_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={"application_name": "stepmark", "connect_timeout": 10},
    )
    event.listen(new_engine, "checkin", _note_use)
    event.listen(new_engine, "checkout", _ping_if_idle)
    return new_engine


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _ping_if_idle(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Check that an idle connection still works; if not, the pool opens another. A connection used within the
    last second is not checked, which saves a round trip per request under load."""
    if time.monotonic() - record.info.get("used", math.inf) < IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except OperationalError as error:
        raise DisconnectionError from error


@lru_cache
def engine() -> Engine:
    url = settings().database_url
    if url is None:
        raise RuntimeError("no database: start it with `stepmark up`, or set DATABASE_URL")
    return make_engine(url, settings().pool_size)


@lru_cache
def session_factory() -> sessionmaker[Session]:
    return sessionmaker(engine(), expire_on_commit=False)


@contextmanager
def transaction() -> Iterator[Session]:
    """A transaction for jobs and commands: commits at the end, rolls back on any error."""
    with session_factory()() as db, db.begin():
        yield db


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _gate() -> asyncio.Semaphore:
    """Three of four connections are for requests, the others for code that opens a second transaction."""
    size = settings().pool_size
    return _gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(max(1, size - size // 4)))


async def request_session() -> AsyncIterator[Session]:
    """A request waits for its connection here, before it occupies a thread. Otherwise waiting requests occupy
    all threads, and requests with a connection cannot continue."""
    async with _gate():
        with session_factory()() as db:
            request_transaction = db.begin()
            try:
                yield db
                await run_in_threadpool(request_transaction.commit)
            except BaseException:
                db.expunge_all()  # the error page still shows who asked; a rollback would empty them
                await run_in_threadpool(db.rollback)
                raise


Db = Annotated[Session, Depends(request_session, scope="function")]
