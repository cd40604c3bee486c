"""A push to the Hub: the real client against a server process that speaks the Hub's calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.audit import list_events
from app.core.db import transaction
from app.core.errors import Invalid
from app.exchange.hub import require_hub
from tests.factories.exports import build_exported_project, load_files
from tests.support import hub_server

SERVER = Path(hub_server.__file__)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of the server, and its folder."""
    folder = tmp_path / "hub"
    folder.mkdir()
    server = subprocess.Popen([sys.executable, str(SERVER), str(folder)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip(), folder
    server.terminate()
    server.wait(timeout=10)
    server.stdout.close()


def push(address: str, token: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "HF_ENDPOINT": address,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    command = [sys.executable, "-m", "app.cli", "export", "steps", "--project", "sums", "--push", "lab/sums"]
    return subprocess.run(
        [*command, *options], env=os.environ | environment, capture_output=True, text=True, timeout=120
    )


def test_a_data_set_is_pushed_with_its_card_in_one_commit(
    database: str, home: Path, hub: tuple[str, Path], tmp_path: Path
) -> None:
    address, folder = hub
    with transaction() as db:
        build_exported_project(db, "Sums")
    copy = tmp_path / "copy"
    done = push(address, hub_server.TOKEN, "--private", "--license", "mit", "--out", str(copy))
    assert done.returncode == 0, done.stderr
    assert f"Pushed to {address}/datasets/lab/sums" in done.stderr
    pushed = folder / "lab" / "sums"
    names = ["README.md", "SHA256SUMS", "train.parquet", "validation.parquet"]
    assert sorted(path.name for path in pushed.iterdir()) == names
    assert all((pushed / name).read_bytes() == (copy / name).read_bytes() for name in names)
    assert load_files("", pushed, tmp_path) == load_files("", copy, tmp_path / "again")
    repository = json.loads((folder / "repository.json").read_text())
    assert (repository["visibility"], repository["type"]) == ("private", "dataset")
    again = push(address, hub_server.TOKEN)
    assert again.returncode == 0, again.stderr
    commits = [json.loads(line) for line in (folder / "commits.jsonl").read_text().splitlines()]
    assert [sorted(commit["paths"]) for commit in commits] == [names, names]
    with transaction() as db:
        events = list_events(db, action="export.steps")
        assert [event.detail["hub"] for event, _ in events] == ["lab/sums"] * 2


def test_a_refused_push_says_why_and_exits_with_an_error(
    database: str, home: Path, hub: tuple[str, Path]
) -> None:
    with transaction() as db:
        build_exported_project(db, "Sums")
    done = push(hub[0], "hf_wrong")
    assert done.returncode != 0
    assert "The Hub refused lab/sums: Invalid user token." in done.stderr
    assert "Set HF_TOKEN" in done.stderr
    assert "hf_wrong" not in done.stderr + done.stdout
    assert not (hub[1] / "commits.jsonl").exists()


@pytest.mark.parametrize("name", ["sums", "lab/", "lab/sums/x", "../sums", "lab/su ms"])
def test_a_name_without_an_organization_is_refused_before_the_export(name: str) -> None:
    with pytest.raises(Invalid, match="is not a data set name"):
        require_hub(name)
