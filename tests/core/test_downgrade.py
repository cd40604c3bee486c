"""`stepmark db downgrade`: back to an older schema, with a confirmation."""

from __future__ import annotations

from alembic.script import ScriptDirectory
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli import cli
from app.core import db as core_db
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.migrate import alembic_config, current_revision, newest_revision
from tests.factories import base as factories

HISTORY = ScriptDirectory.from_config(alembic_config())
OLDER = str(HISTORY.get_revision("slice_views").down_revision)


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["db", *arguments], input=answer)


def schema() -> str | None:
    with core_db.engine().connect() as connection:
        return current_revision(connection)


def test_a_downgrade_asks_first_and_keeps_what_fits(database: str) -> None:
    with transaction() as db:
        factories.user(db, "ann")

    refused = run("downgrade", OLDER, answer="n\n")
    assert refused.exit_code == 1
    assert schema() == newest_revision()

    result = run("downgrade", OLDER, answer="y\n")
    assert result.exit_code == 0, result.output
    assert "undo slice_views" in result.output
    assert "lost" in result.output
    assert schema() == OLDER
    with core_db.engine().connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM user_account")) == 1
        assert connection.scalar(text("SELECT to_regclass('step_score')")) is None

    assert run("upgrade").exit_code == 0
    assert schema() == newest_revision()


def test_an_unknown_or_current_revision_changes_nothing(database: str) -> None:
    for revision in ("nonsense", newest_revision() or ""):
        result = run("downgrade", revision, "--yes")
        assert result.exit_code != 0
        assert isinstance(result.exception, Invalid)
        assert str(HISTORY.get_revision("head").down_revision) in result.exception.remedy
    assert schema() == newest_revision()
