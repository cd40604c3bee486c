"""Folders of data files in the layout of the Hub."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.core.db import transaction
from app.core.errors import Invalid
from app.exchange.data_folder import is_data_file, list_data_files
from app.problems.models import Problem
from tests.factories import base as factories


def write_folder(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / ".cache").mkdir()
    rows = [{"question": f"What is {number} * 3?", "answer": f"#### {3 * number}"} for number in range(4)]
    parquet.write_table(pyarrow.Table.from_pylist(rows[:3]), folder / "data" / "train-00000-of-00001.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows[3:]), folder / "data" / "test-00000-of-00001.parquet")
    (folder / "dataset_info.json").write_text("{}")
    (folder / "README.md").write_text("# Numbers")
    (folder / ".cache" / "rows.jsonl").write_text("{}")


def test_a_folder_is_imported_file_by_file_with_the_splits_of_its_paths(
    database: str, tmp_path: Path
) -> None:
    with transaction() as db:
        factories.project(db, name="Folder")
    write_folder(tmp_path / "set")
    result = CliRunner().invoke(cli, ["import", str(tmp_path / "set"), "--project", "Folder"])
    assert result.exit_code == 0, result.output
    assert "data/test-00000-of-00001.parquet: gsm8k, split test" in result.output
    with transaction() as db:
        splits = sorted(problem.split for problem in db.scalars(select(Problem)))
    assert splits == ["test", "train", "train", "train"]


def test_what_is_no_data_is_left_out_or_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    assert list(list_data_files(tmp_path)) == [
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00001.parquet",
    ]
    assert is_data_file("main/train.jsonl.gz")
    assert not is_data_file("main/image.png")
    (tmp_path / "more.jsonl").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(Invalid, match="pointer"):
        list_data_files(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Invalid, match="0 data files"):
        list_data_files(empty)
