"""A real Postgres for every test.

`db` is a session rolled back after the test, and `web` a client whose requests run in
it: for rules and pages. `database` is a clone of a migrated template under an URL of its
own: where commits, locks, jobs or processes are the subject.
STEPMARK_TEST_SERVER names a Postgres to use; unset, an embedded one is started."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app.core import db as core_db
from app.core.migrate import upgrade_schema
from app.settings import settings

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
clone_numbers = itertools.count()
hypothesis.settings.register_profile(
    "any machine",
    parent=hypothesis.settings.default,
    deadline=None,  # an example takes as long as a loaded machine takes
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


def forget() -> None:
    """Drop what was made from an older environment."""
    if core_db.engine.cache_info().currsize:
        core_db.engine().dispose()
    for cached in (settings, core_db.engine, core_db.session_factory):
        cached.cache_clear()


def named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@contextmanager
def postgres() -> Iterator[str]:
    url = os.environ.get("STEPMARK_TEST_SERVER")
    if url:
        yield url
        return
    from app.core.embedded import Embedded

    home = Path(tempfile.mkdtemp(prefix="stepmark-tests-"))
    home.chmod(0o755)  # root lends the server to another user, who must be able to get in
    embedded = Embedded(home / "postgres")
    yield embedded.start()
    embedded.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    name = f"stepmark_test_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        engine = core_db.make_engine(named(server, name), pool_size=2)
        upgrade_schema(engine)
        engine.dispose()
        yield name
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database(server: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database of this test's own; the settings point at it."""
    name = f"{template}_{next(clone_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        url = named(server, name)
        monkeypatch.setenv("DATABASE_URL", url)
        forget()
        yield url
        forget()
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def shared_engine(server: str, template: str) -> Iterator[Engine]:
    name = f"{template}_shared"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        engine = core_db.make_engine(named(server, name), pool_size=4)
        yield engine
        engine.dispose()
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def db(shared_engine: Engine) -> Iterator[Session]:
    with shared_engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        outer.rollback()


@pytest.fixture
def web(db: Session) -> Iterator[TestClient]:
    """A browser without scripts: cookies kept, redirects not followed, same origin."""
    from app.main import create_app

    app = create_app()

    def in_this_test() -> Iterator[Session]:
        with db.begin_nested():
            yield db

    app.dependency_overrides[core_db.request_session] = in_this_test
    with TestClient(
        app, base_url="http://testserver", follow_redirects=False, headers={"Sec-Fetch-Site": "same-origin"}
    ) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A STEPMARK_HOME of this test's own."""
    monkeypatch.setenv("STEPMARK_HOME", str(tmp_path))
    forget()
    yield tmp_path
    forget()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets, which are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the public data sets are not at {SHARED}")
    return SHARED
