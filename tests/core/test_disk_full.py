"""A disk that is really full: each error says so, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient
from safetensors import SafetensorError
from safetensors.torch import save_file
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import Db
from app.core.error_pages import install_handlers
from app.core.errors import find_disk_full
from app.core.startup import clear_caches
from tests.factories import base as factories

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
MEGABYTE = 2**20


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = Path(tempfile.mkdtemp(prefix="stepmark-disk-"))
    folder.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


def test_an_upload_that_fills_the_disk(
    web: TestClient, db: Session, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPMARK_HOME", str(small_disk))
    clear_caches()
    project = factories.project(db)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    line = b'{"problem": "1 + 1", "steps": ["2"]}\n'
    content = line * (3 * MEGABYTE // len(line))
    answer = web.post(f"/projects/{project.slug}/uploads", files={"file": ("a.jsonl", content)})
    assert answer.status_code == 507, answer.text
    assert "disk is full" in answer.text
    assert [file for file in small_disk.rglob("*") if file.is_file()] == [], "nothing half uploaded stays"


def test_a_database_whose_disk_is_full(server: str, database: str, small_disk: Path) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        row = admin.execute("SHOW data_directory").fetchone()
        assert row
        owner = Path(row[0]).stat()
        place = small_disk / "space"
        place.mkdir()
        os.chown(place, owner.st_uid, owner.st_gid)
        admin.execute(f"CREATE TABLESPACE tiny LOCATION '{place}'")
    app = FastAPI()
    install_handlers(app)

    @app.post("/")
    def fill(db: Db) -> str:
        db.execute(text("CREATE TABLE filler (t text) TABLESPACE tiny"))
        db.execute(text("ALTER TABLE filler ALTER t SET STORAGE EXTERNAL"))
        db.execute(text("INSERT INTO filler SELECT repeat('x', 100000) FROM generate_series(1, 100)"))
        return "filled"

    try:
        with TestClient(app, raise_server_exceptions=False) as client:
            answer = client.post("/", headers={"Accept": "application/json"})
        assert answer.status_code == 507, answer.text
        assert answer.json()["error"] == "disk_full"
        assert "database's disk is full" in answer.json()["message"]
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute("DROP TABLESPACE tiny")


def test_weights_that_do_not_fit(small_disk: Path) -> None:
    with pytest.raises(SafetensorError, match="No space left") as caught:
        save_file({"w": torch.zeros(MEGABYTE)}, small_disk / "model.safetensors")
    assert find_disk_full(caught.value) is not None


def test_a_file_that_does_not_fit_is_named_as_such_and_another_error_is_not(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        (small_disk / "large").write_bytes(bytes(2 * MEGABYTE))
    assert find_disk_full(caught.value) is not None
    with pytest.raises(FileNotFoundError) as caught_missing:
        shutil.copy(small_disk / "missing", small_disk / "copy")
    assert find_disk_full(caught_missing.value) is None
