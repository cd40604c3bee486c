"""A client that is generated from the API document works against a real server: it imports a file, queues
its solutions, reads the queue page by page and exports labels."""

from __future__ import annotations

import datetime as dt
import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.accounts import tokens
from app.core.db import transaction
from tests.factories import base as factories
from tests.flows.conftest import Running
from tests.polling import until

BINARY = ("application/zip", "application/x-ndjson", "application/vnd.apache.parquet")
"""Types of files, which the generator reads as bytes."""
PACKAGE = "generated_stepmark_client"


@pytest.fixture
def token(database: str) -> str:
    with transaction() as db:
        project = factories.project(db, "Client")
        admin = factories.member(db, project, "admin")
        return tokens.create_token(db, admin, "client", None, dt.datetime.now(dt.UTC))[1]


@pytest.fixture
def package(running: Running, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the package that was generated from the server's own document."""
    page = running.browser()
    document = page.get("/api/v1/openapi.json", headers={"Authorization": f"Bearer {token}"})
    assert document.status_code == 200, document.text
    (tmp_path / "openapi.json").write_text(document.text)
    overrides = {"content_type_overrides": dict.fromkeys(BINARY, "application/octet-stream")}
    (tmp_path / "config.json").write_text(json.dumps({**overrides, "post_hooks": []}))
    arguments = ["--path", "openapi.json", "--config", "config.json", "--meta", "none"]
    generated = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", *arguments, "--fail-on-warning",
         "--output-path", PACKAGE],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert generated.returncode == 0, generated.stdout + generated.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    yield PACKAGE
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def load(package: str, name: str) -> ModuleType:
    return importlib.import_module(f"{package}.{name}")


def test_a_generated_client_imports_queues_and_exports(running: Running, token: str, package: str) -> None:
    api = load(package, "client").AuthenticatedClient(
        base_url=running.url, token=token, raise_on_unexpected_status=True
    )
    with api as client:

        def call(operation: str, *arguments: Any, **values: Any) -> Any:
            return load(package, f"api.{operation}").sync(*arguments, client=client, **values)

        assert call("accounts.get_me").is_admin is False
        assert [project.slug for project in call("projects.list_projects").projects] == ["client"]

        for rows in (solutions(), labels()):
            content = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
            file = load(package, "types").File(payload=content, file_name="sums.jsonl")
            upload = load(package, "models").StartImportFilesImportUpload(file=file)
            started = call("exchange.start_import", "client", body=upload, split="train")
            assert started.state == "queued"
            until(
                lambda number=started.id: call("exchange.get_import", "client", number).state == "succeeded",
                "the worker to import the file",
            )
        assert call("exchange.get_import", "client", started.id).counts.labels == 1

        limit = load(package, "models").QueueRequest(limit=2)
        assert call("labeling.fill_queue", "client", body=limit).queued == 2
        assert call("labeling.get_queue", "client").unqueued == 1

        pool = call("pool.list_solutions", "client")
        assert {solution.final_answer for solution in pool.solutions} == {"4", "5", "6"}  # 6 twice
        runs = call("runs.list_runs", "client", kind="import")
        assert [run.state for run in runs.runs] == ["succeeded", "succeeded"]
        older = call("runs.list_runs", "client", kind="import", cursor=runs.runs[0].id)
        assert [run.id for run in older.runs] == [runs.runs[1].id]

        exported = call("exchange.export_prm800k", "client").payload.read()
        (row,) = [json.loads(line) for line in exported.splitlines()]
        assert row["label"]["finish_reason"] == "found_error"
        rounds = call("selection.list_rounds", "client")
        assert (rounds.rounds, rounds.next_cursor) == ([], None)

        refused = call("runs.list_runs", "client", kind="banana")
        assert isinstance(refused, load(package, "models").Problem)
        assert "banana" in refused.message


def solutions() -> list[dict[str, Any]]:
    """A problem with three solutions, in Stepmark's own format."""
    rows: list[dict[str, Any]] = [
        {"kind": "problem", "id": "p", "statement": "What is 2 + 3?", "answer": "5"}
    ]
    for answer in (4, 5, 6):
        steps = ["We add the numbers.", f"2 + 3 = {answer}"]
        rows.append(
            {"kind": "solution", "id": f"s{answer}", "problem": "p", "steps": steps, "answer": str(answer)}
        )
    return rows


def labels() -> list[dict[str, Any]]:
    """A submission that found an error, in the format of PRM800K."""
    steps = ["We subtract the numbers.", "7 - 2 = 6"]
    rated = [
        {"completions": [{"text": text, "rating": rating, "flagged": False}], "human_completion": None,
         "chosen_completion": 0 if rating > 0 else None}
        for text, rating in zip(steps, (1, -1), strict=True)
    ]  # fmt: skip
    question = {"problem": "What is 7 - 2?", "ground_truth_answer": "5", "pre_generated_answer": "6"}
    return [
        {"labeler": "11111111-2222-4333-8444-555555555555", "timestamp": "2023-01-02T03:04:05",
         "generation": 1, "is_quality_control_question": False, "is_initial_screening_question": False,
         "question": {**question, "pre_generated_steps": steps},
         "label": {"steps": rated, "total_time": 1000, "finish_reason": "found_error"}}
    ]  # fmt: skip
