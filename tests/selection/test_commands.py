"""`stepmark round` on a database of its own: what it says and its exit codes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.selection.models import Round
from tests.factories import base as factories
from tests.factories import selection as loop


@pytest.fixture
def stepmark(database, tmp_path):
    with transaction() as db:
        project = factories.project(db, "Cli test")
        task = factories.task(db, factories.solution(db, factories.problem(db, project)))
        loop.labeled(db, task, factories.member(db, project), [1, -1])
        factories.project(db, "Nothing yet")

    def run(*arguments: str):
        return CliRunner().invoke(cli, ["round", *arguments])

    return run


def test_start_status_cancel_resume(stepmark, tmp_path):
    config = tmp_path / "round.json"
    config.write_text(json.dumps({"policy": {"size": 7}, "train": {"size": "tiny"}}))

    started = stepmark("start", "--project", "Cli test", "--config", str(config))
    assert started.exit_code == 0
    assert "started" in started.output
    with transaction() as db:
        assert db.query(Round).one().config["policy"]["size"] == 7

    status = stepmark("status", "--project", "cli-test", "--json")
    assert status.exit_code == 0
    assert json.loads(status.output)["state"] == "queued"

    assert stepmark("cancel", "--project", "Cli test").exit_code == 0
    assert stepmark("status", "--project", "Cli test").exit_code == 3
    assert stepmark("resume", "--project", "Cli test").exit_code == 0
    assert stepmark("status", "--project", "Cli test").exit_code == 0


def test_refusals(stepmark, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{")

    stepmark("start", "--project", "Cli test")
    assert isinstance(stepmark("start", "--project", "Cli test").exception, Conflict)
    assert isinstance(stepmark("start", "--project", "Nothing yet").exception, Invalid)
    assert isinstance(stepmark("status", "--project", "Nothing yet").exception, NotFound)
    assert isinstance(stepmark("status", "--project", "Nowhere").exception, NotFound)
    refused = stepmark("start", "--project", "Nothing yet", "--config", str(wrong))
    assert isinstance(refused.exception, Invalid)


def test_an_aggregation_by_name(stepmark):
    refused = stepmark("start", "--project", "Cli test", "--aggregation", "mean")
    assert isinstance(refused.exception, Invalid)
    started = stepmark("start", "--project", "Cli test", "--aggregation", "dawid_skene")
    assert started.exit_code == 0, started.output
    with transaction() as db:
        assert db.query(Round).one().config["data"] == {"aggregation": "dawid_skene"}
