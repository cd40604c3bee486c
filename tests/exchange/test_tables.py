"""Tables that are exported, read back by the `datasets` library."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Invalid, NotFound
from app.exchange import exporter
from app.exchange.exports import EXPORT_FORMATS
from app.exchange.exports.base import Columns, TableFormat
from app.exchange.file_types import PARQUET, iter_encoded
from app.labeling.models import StepLabel
from app.main import create_app
from app.projects.models import Project
from tests.factories import base as factories
from tests.factories.exports import build_exported_project, load_files

TABLES = [format.id for format in EXPORT_FORMATS.values() if isinstance(format, TableFormat)]


@pytest.fixture
def project(db: Session) -> Project:
    return build_exported_project(db)


def read_rows(db: Session, project: Project, name: str, **values: Any) -> list[dict[str, Any]]:
    format = EXPORT_FORMATS[name]
    parameters = format.parameters(**values)
    rows = [json.loads(line) for line in format.rows(db, project.id, parameters)]
    assert format.count(db, project.id, parameters) == len(rows)
    return rows


@pytest.mark.parametrize("name", TABLES)
def test_datasets_reads_every_table_in_one_line(
    db: Session, project: Project, tmp_path: Path, name: str
) -> None:
    format = EXPORT_FORMATS[name]
    path = tmp_path / f"{name}.parquet"
    exporter.write_file(db, project.id, format, format.parameters(), path, file_type=PARQUET)
    rows = read_rows(db, project, name)
    assert rows, f"the project has nothing to export as {name}"
    assert load_files("parquet", path, tmp_path) == rows
    assert list(rows[0]) == list(format.columns.model_fields)  # type: ignore[attr-defined]


def test_a_step_row_holds_who_rated_what_and_when(db: Session, project: Project) -> None:
    rows = read_rows(db, project, "steps", source=["people"])
    first = rows[0]
    assert (first["position"], first["candidate"], first["text"]) == (0, 0, "2 + 2 = 4")
    assert (first["rating"], first["flagged"], first["chosen"], first["written"]) == (1, False, True, False)
    assert (first["source"], first["adjudicated"], first["generation"]) == ("people", True, 0)
    assert (first["total_time_ms"], first["active_time_ms"], first["step_time_ms"]) == (60_000, 30_000, 700)
    assert dt.datetime.fromisoformat(first["submitted_at"]).tzinfo is not None
    assert len({row["labeler"] for row in rows}) == 2
    alternatives = [row for row in rows if row["text"] in ("So it is 5.", "So it is four.")]
    assert [
        (row["candidate"], row["rating"], row["chosen"], row["written"], row["flagged"])
        for row in alternatives
    ] == [(1, -1, False, False, True), (2, None, True, True, False)]


def test_decisions_and_imported_labels_are_rows_of_their_own_source(db: Session, project: Project) -> None:
    decided = read_rows(db, project, "steps", source=["adjudication"])
    assert [(row["position"], row["rating"]) for row in decided] == [(0, 1), (1, -1)]
    assert {(row["source"], row["submission"], row["adjudicated"]) for row in decided} == {
        ("adjudication", None, True)
    }
    imported = read_rows(db, project, "steps", source=["external"])
    assert [(row["source"], row["position"], row["rating"]) for row in imported] == [
        ("file:processbench", 0, 1),
        ("file:processbench", 1, -1),
        ("file:trl-stepwise", 0, 1),
        ("file:trl-stepwise", 1, 0),
    ]
    (adjudication,) = read_rows(db, project, "adjudications")
    assert (adjudication["first_error"], adjudication["submissions"]) == (1, 2)


def test_scores_and_snapshots_are_chosen_by_name(db: Session, project: Project) -> None:
    scores = read_rows(db, project, "scores", model=["prm-1"])
    assert {row["model"] for row in scores} == {"prm-1"}
    assert [row["p_positive"] for row in scores] == pytest.approx([0.5, 0.25])
    assert len(read_rows(db, project, "scores")) == 2 * len(scores)
    assert read_rows(db, project, "scores", model=["no such model"]) == []
    newest = read_rows(db, project, "snapshot")
    assert {row["split"] for row in newest} == {"train"}
    assert all(len(row["steps"]) == len(row["targets"]) for row in newest)
    with pytest.raises(NotFound):
        read_rows(db, project, "snapshot", snapshot="ffff")


def test_rows_that_differ_in_their_fields_are_refused_as_parquet(
    db: Session, project: Project, tmp_path: Path
) -> None:
    format = EXPORT_FORMATS["prm800k"]
    path = tmp_path / "rows.parquet"
    with pytest.raises(Invalid, match="fields differ from row to row"):
        exporter.write_file(db, project.id, format, format.parameters(), path, file_type=PARQUET)
    assert not path.exists()


class NumberColumns(Columns):
    number: int
    text: str


def test_parquet_is_written_in_row_groups_and_constant_memory(tmp_path: Path) -> None:
    def iter_rows(count: int) -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield {"number": number, "text": f"{number:0200}"}

    def write(count: int) -> int:
        path = tmp_path / f"{count}.parquet"
        tracemalloc.start()
        with path.open("wb") as out:
            for piece, _ in iter_encoded(PARQUET, NumberColumns, iter_rows(count)):
                out.write(piece)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert pq.read_metadata(path).num_rows == count
        assert pq.read_metadata(path).num_row_groups == -(-count // 10_000)
        return peak

    assert write(60_000) < 1.3 * write(20_000)


def test_a_table_is_downloaded_as_parquet_by_page_api_and_command(
    database: str, home: Path, tmp_path: Path
) -> None:
    with transaction() as db:
        project = build_exported_project(db, "Sums")
        admin = factories.member(db, project, "admin")
        expected = read_rows(db, project, "verdicts")
    out = tmp_path / "verdicts.parquet"
    command = ["export", "verdicts", "--project", "sums", "--out", str(out)]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert load_files("parquet", out, tmp_path / "command") == expected
    refused = CliRunner().invoke(
        cli, ["export", "prm800k", "--project", "sums", "--out", str(tmp_path / "x.parquet")]
    )
    assert refused.exit_code != 0
    with TestClient(create_app(), base_url="http://testserver") as web:
        with transaction() as db:
            factories.sign_in(web, db, admin)
        page = web.get("/projects/sums/exports").text
        assert "verdicts.parquet" in page
        assert "prm800k.parquet" not in page
        for number, address in enumerate(("/projects/sums", "/api/v1/projects/sums")):
            answer = web.get(f"{address}/exports/verdicts.parquet")
            path = tmp_path / f"{number}.parquet"
            path.write_bytes(answer.content)
            assert load_files("parquet", path, tmp_path / str(number)) == expected
            assert "verdicts.parquet" in answer.headers["content-disposition"]
            assert web.get(f"{address}/exports/prm800k.parquet").status_code == 404


def test_a_label_without_completions_has_only_the_written_step(db: Session) -> None:
    project = build_exported_project(db)
    label = db.query(StepLabel).filter(StepLabel.human_text.is_not(None)).one()
    label.texts = label.ratings = label.flags = label.chosen = None
    db.flush()
    rows = read_rows(db, project, "steps", source=["people"])
    written = [row for row in rows if row["written"]]
    assert [(row["candidate"], row["text"], row["chosen"]) for row in written] == [
        (0, "So it is four.", True)
    ]


def test_the_page_counts_up_to_a_limit(
    db: Session, web: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.exchange.views.MAX_COUNTED", 3)
    factories.sign_in(web, db, factories.member(db, project, "admin"))
    page = web.get(f"/projects/{project.slug}/exports").text
    assert page.count("Download more than 3 rows") == 2, "steps and scores"
    assert "Download 1 adjudication<" in page
    format = EXPORT_FORMATS["steps"]
    assert format.count(db, project.id, format.parameters()) > 4
