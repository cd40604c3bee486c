"""Exports with a data card: complete folders that `datasets` reads, with checksums."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets.exceptions import DatasetGenerationError
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.accounts.audit import list_events
from app.cli import cli
from app.core.db import transaction
from app.core.errors import Invalid
from app.exchange import exporter
from app.exchange.data_set import DataSet, write_data_set
from app.exchange.exports import EXPORT_FORMATS
from app.exchange.file_types import FILE_TYPES
from app.labeling.models import Assignment
from app.main import create_app
from app.projects.models import Project
from app.quality.models import AgreementValue
from app.training.models import Snapshot
from tests.factories import base as factories
from tests.factories.exports import build_exported_project, load_files

SIZES = {"alpha": 0.75, "first_error": 0.5}


@pytest.fixture
def project(db: Session) -> Project:
    return build_exported_project(db)


def write(
    db: Session, project: Project, name: str, folder: Path, file_type: str = "", **options: Any
) -> DataSet:
    format = EXPORT_FORMATS[name]
    chosen = FILE_TYPES[file_type] if file_type else exporter.default_file_type(format)
    parameters = format.parameters(**options.pop("parameters", {}))
    return write_data_set(db, project, format, parameters, folder, file_type=chosen, **options)


def read_card(folder: Path) -> tuple[dict[str, Any], str]:
    _, matter, body = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(matter), body


def by_line(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize("file_type", FILE_TYPES)
@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_datasets_reads_the_folder_of_every_format(
    db: Session, project: Project, tmp_path: Path, name: str, file_type: str
) -> None:
    if name == "prm800k" and file_type == "parquet":
        with pytest.raises(Invalid, match="fields differ"):
            write(db, project, name, tmp_path / name, file_type)
        assert list(tmp_path.iterdir()) == []
        return
    folder = tmp_path / name
    data_set = write(db, project, name, folder, file_type)
    format = EXPORT_FORMATS[name]
    lines = b"".join(format.rows(db, project.id, format.parameters())).splitlines()
    assert by_line(load_files("", folder, tmp_path)) == by_line([json.loads(line) for line in lines])
    assert data_set.rows == len(lines)


def test_checksums_cover_the_files_and_the_card(db: Session, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "steps"
    data_set = write(db, project, "steps", folder)
    assert [file.split for file in data_set.files] == ["train", "validation"]
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for name, sha256 in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


def test_the_card_says_what_is_in_the_files(db: Session, project: Project, tmp_path: Path) -> None:
    for measure, value in SIZES.items():
        figure = {
            "low": value - 0.1,
            "high": value + 0.1,
            "pairs": 3,
            "solutions": 2,
            "newest_solution_ids": [],
        }
        db.add(AgreementValue(project_id=project.id, scope="project", measure=measure, value=value, **figure))
    db.flush()
    folder = tmp_path / "steps"
    write(db, project, "steps", folder, license="cc-by-4.0", parameters={"source": ["people"]})
    matter, body = read_card(folder)
    assert matter["license"] == "cc-by-4.0"
    assert matter["size_categories"] == ["n<1K"]
    assert matter["configs"][0]["data_files"] == [{"split": "train", "path": "train.parquet"}]
    assert {"name": "labeler", "dtype": "string"} in matter["dataset_info"]["features"]
    assert "2 submissions by 2 labelers" in body
    assert "Krippendorff's alpha: 0.75 (95% confidence interval 0.65 to 0.85), 2 solutions" in body
    assert "First-error agreement: 0.50" in body
    assert "source = ['people']" in body
    assert "| `labeler` | UUID of the labeler" in body
    write(db, project, "snapshot", tmp_path / "snapshot")
    snapshot = db.query(Snapshot).one()
    assert snapshot.hash.hex() in read_card(tmp_path / "snapshot")[1]
    assert "**License**: not stated" in read_card(tmp_path / "snapshot")[1]


def test_a_column_that_begins_with_many_nulls_is_read(db: Session, tmp_path: Path) -> None:
    """Without the card, `datasets` takes the type of a column from the first ten megabytes."""
    project = factories.project(db)
    problem, labeler = factories.problem(db, project), factories.member(db, project)
    for number in range(13):
        solution = factories.solution(db, problem, (f"{number}" + "x" * 1_000_000,))
        label(db, factories.task(db, solution, generation=None), labeler)
    label(db, factories.task(db, factories.solution(db, problem, ("so",)), generation=7), labeler)
    folder = tmp_path / "steps"
    write(db, project, "steps", folder, "jsonl")
    assert {row["generation"] for row in load_files("", folder, tmp_path)} == {None, 7}
    with pytest.raises(DatasetGenerationError, match="error occurred while generating"):
        load_files("json", folder / "train.jsonl", tmp_path)


def label(db: Session, task: Any, labeler: Any) -> Assignment:
    from tests.factories import selection

    return selection.labeled(db, task, labeler, [1])


def test_a_folder_is_complete_or_absent(
    db: Session, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "notes.txt").write_text("mine")
    with pytest.raises(Invalid, match="not an empty folder"):
        write(db, project, "steps", used)
    with pytest.raises(Invalid, match="Folder not found"):
        write(db, project, "steps", tmp_path / "no" / "such")
    with pytest.raises(Invalid, match="nothing to export"):
        write(db, factories.project(db), "steps", tmp_path / "empty")
    monkeypatch.setattr("app.exchange.data_set.render_card", lambda facts, files: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(db, project, "steps", tmp_path / "broken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used"]


def test_command_page_and_api_export_the_same_data_set(database: str, home: Path, tmp_path: Path) -> None:
    with transaction() as db:
        project = build_exported_project(db, "Sums")
        admin = factories.member(db, project, "admin")
    out = tmp_path / "labels"
    command = ["export", "steps", "--project", "sums", "--out", str(out), "--license", "mit"]
    done = CliRunner().invoke(cli, [*command, "--file-type", "jsonl"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "train.jsonl" in done.output
    rows = load_files("", out, tmp_path / "command")
    assert CliRunner().invoke(cli, command).exit_code != 0
    assert CliRunner().invoke(cli, ["export", "steps", "--project", "sums"]).exit_code == 2
    with TestClient(create_app(), base_url="http://testserver") as web:
        with transaction() as db:
            factories.sign_in(web, db, admin)
        page = web.get("/projects/sums/exports").text
        assert "steps.zip" in page
        filtered = web.get("/projects/sums/exports?format=steps&source=people&source=external").text
        assert filtered.count('<input type="hidden" name="source" value="') == 2
        for number, address in enumerate(("/projects/sums", "/api/v1/projects/sums")):
            answer = web.get(f"{address}/exports/steps.zip?license=mit")
            assert answer.headers["content-type"] == "application/zip"
            zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path / str(number))
            folder = tmp_path / str(number) / "sums-steps"
            assert load_files("", folder, tmp_path / f"cache{number}") == rows
            assert read_card(folder)[0]["license"] == "mit"
            assert web.get(f"{address}/exports/steps.zip?file_type=csv").status_code == 422
            assert web.get(f"{address}/exports/prm800k.zip").status_code == 200
    assert list((home / "exports").iterdir()) == []
    with transaction() as db:
        events = list_events(db, action="export.steps")
        assert [event.detail["rows"] for event, _ in events] == [len(rows)] * 3
