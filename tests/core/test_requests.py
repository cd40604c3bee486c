"""One request is one transaction, and many at once wait their turn instead of failing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy import text

from app.core.db import Db
from app.core.startup import clear_caches


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(200)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        running.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        running.join(20)


def asker(db: Db) -> object:
    return db.scalar(text("SELECT 7"))


def test_many_more_requests_than_connections_all_succeed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 at once on 4 connections. Where those who wait for a connection hold a thread each,
    nobody who has one can go on, and all fail after the pool's timeout."""
    monkeypatch.setenv("STEPMARK_POOL_SIZE", "4")
    clear_caches()
    app = FastAPI()

    @app.get("/")
    def page(db: Db, user: Annotated[object, Depends(asker, scope="function")]) -> object:
        db.execute(text("SELECT pg_sleep(0.002)"))
        return user

    def ask(url: str) -> int:  # a connection each: one client's pool is not safe for so many threads
        return httpx.get(url, timeout=60, verify=False).status_code

    with served(app) as url, ThreadPoolExecutor(120) as people:
        begin = time.monotonic()
        answers = list(people.map(ask, [url] * 240))
        took = time.monotonic() - begin
    assert answers == [200] * 240
    assert took < 10, "somebody waited for the pool's timeout"


def test_an_error_undoes_the_request_and_a_failed_commit_is_no_success(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE TABLE note (value int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        app = FastAPI()

        @app.post("/{value}")
        def write(value: int, db: Db) -> str:
            db.execute(text("INSERT INTO note VALUES (:value)"), {"value": value})
            if value == 13:
                raise RuntimeError("after the write")
            return "written"

        with served(app) as url:
            codes = [httpx.post(f"{url}/{value}").status_code for value in (1, 13, 1, 2)]
        assert codes == [200, 500, 500, 200], "the second 1 fails at commit, before its answer"
        assert admin.execute("SELECT value FROM note ORDER BY 1").fetchall() == [(1,), (2,)]
